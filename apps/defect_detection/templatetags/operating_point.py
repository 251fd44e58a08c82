"""How the operating point's page writes rates and limits."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext as _

from apps.defect_detection.operating.certificate import Certificate
from apps.defect_detection.operating.limits import Limit
from apps.defect_detection.points.offering import Offer, offers
from apps.defect_detection.points.showing import (
    SEVERITY_WORDS,
    PointShown,
    certificate_of,
    limit_words,
    point,
)
from apps.defect_detection.schema import OperatingPoint
from loupe.host.models import ModelVersion
from loupe.host.models import OperatingPoint as PointRow
from loupe.host.people import Project

register = template.Library()


@register.filter
def share(value: float | None) -> str:
    """A share with digits that mean something: 0.3 %, 12 %, 0.04 %."""
    if value is None:
        return "–"
    percent = value * 100
    digits = 0 if percent >= 10 or percent == 0 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f} %"


@register.filter
def between(rate: Any) -> str:
    """A rate's interval."""
    low, high = (
        (rate.get("low"), rate.get("high")) if isinstance(rate, Mapping) else (rate.low, rate.high)
    )
    return "" if low is None or high is None else f"{share(low)[:-2]}–{share(high)}"


@register.filter
def as_limit(limit: Limit) -> str:
    """A limit in words."""
    return limit_words(limit)


@register.filter
def weight(severity: str) -> str:
    """A severity in words."""
    return _(SEVERITY_WORDS[severity]) if severity in SEVERITY_WORDS else ""


@register.filter
def score(value: float) -> str:
    """A threshold: two digits, three where the third one says something."""
    return f"{value:.3f}".removesuffix("0")


@register.filter
def as_point(row: PointRow) -> PointShown:
    """A stored operating point in words and numbers, with the classes it says something about."""
    return point(OperatingPoint.model_validate(row.data), ())


@register.filter
def certificate(row: PointRow) -> Certificate | None:
    """How a stored operating point was fitted."""
    return certificate_of(row)


@register.filter
def offered_to(version: ModelVersion, project: Project) -> list[Offer]:
    """Proposals for the version that wait for a person."""
    return offers(version, project)
