"""Operating points, proposals and rehearsals as the page's templates show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.defect_detection.operating.certificate import Certificate
from apps.defect_detection.operating.limits import Limit
from apps.defect_detection.points.asking import WEIGHTS, Ask
from apps.defect_detection.points.drawing import across
from apps.defect_detection.points.proposing import Proposal
from apps.defect_detection.points.rehearsing import THRESHOLDS, Rehearsal
from apps.defect_detection.schema import OperatingPoint, SizeRule
from loupe.host.models import ModelVersion
from loupe.host.models import OperatingPoint as PointRow
from loupe.host.people import Project

if TYPE_CHECKING:
    from apps.defect_detection.operating.curves import Curves

SEVERITY_WORDS = {
    "critical": gettext_noop("critical"),
    "major": gettext_noop("major"),
    "minor": gettext_noop("minor"),
    "ignore": gettext_noop("no defect"),
}


@dataclass(frozen=True, kw_only=True)
class ClassShown:
    """One class of an operating point."""

    label: str
    threshold: float
    review_from: float
    severity: str
    sizes: str


@dataclass(frozen=True, kw_only=True)
class PointShown:
    """An operating point in words and numbers."""

    threshold: float
    review_from: float
    band: bool
    mm_per_pixel: float | None
    min_side: float
    regions: int
    masks: int
    classes: tuple[ClassShown, ...]


def point(shown: OperatingPoint, classes: Sequence[str]) -> PointShown:
    """For a table."""
    return PointShown(
        threshold=shown.threshold,
        review_from=shown.review_from,
        band=shown.review_from < shown.threshold,
        mm_per_pixel=shown.mm_per_pixel,
        min_side=shown.min_side,
        regions=len(shown.picture.regions),
        masks=len(shown.picture.masks),
        classes=tuple(
            ClassShown(
                label=name,
                threshold=shown.threshold_of(name),
                review_from=shown.review_from_of(name),
                severity=shown.rule(name).severity or "",
                sizes=_sizes(shown.sizes_of(name)),
            )
            for name in [*classes, *(name for name in shown.classes if name not in classes)]
        ),
    )


def _sizes(sizes: Sequence[SizeRule]) -> str:
    return ", ".join(
        _("%(word)s from %(mm)g mm")
        % {"word": _(SEVERITY_WORDS[size.severity]), "mm": size.from_mm}
        for size in sizes
    )


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    """The form's fields about one class."""

    label: str
    limit: BoundField
    severity: BoundField
    sizes: tuple[BoundField, ...]
    by_program: bool


def rows(form: Ask) -> list[RuleRow]:
    """One row a class."""
    return [
        RuleRow(
            label=name,
            limit=form[f"limit_{index}"],
            severity=form[f"severity_{index}"],
            sizes=tuple(form[f"{column}_{index}"] for column in ("below", *WEIGHTS)),
            by_program=form.fields[f"below_{index}"].disabled,
        )
        for index, name in enumerate(form.classes)
    ]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A vertical line of the curve: `kind` is now, threshold or review."""

    kind: str
    at: str


def marks(base: OperatingPoint, proposal: Proposal | None, label: str) -> list[Mark]:
    """Where the point stands now, and where it would."""
    found = []
    if proposal is not None:
        found.append(Mark(kind="now", at=across(_threshold(base, label))))
    shown = proposal.point if proposal is not None else base
    if _review(shown, label) < _threshold(shown, label):
        found.append(Mark(kind="review", at=across(_review(shown, label))))
    return [*found, Mark(kind="threshold", at=across(_threshold(shown, label)))]


def _threshold(shown: OperatingPoint, label: str) -> float:
    return shown.threshold_of(label) if label else shown.threshold


def _review(shown: OperatingPoint, label: str) -> float:
    return shown.review_from_of(label) if label else shown.review_from


def curve_data(curves: "Curves") -> dict[str, Any]:
    """For the page's script, which moves along the curve."""
    return {
        "thresholds": curves.thresholds,
        "escape": _data(curves.escape),
        "overkill": _data(curves.overkill),
    }


def _data(curve: Any) -> dict[str, Any]:
    return {
        "parts": curve.parts,
        "losses": curve.losses,
        "low": [round(value, 5) for value in curve.low],
        "high": [round(value, 5) for value in curve.high],
    }


def curve_rows(curves: "Curves") -> list[dict[str, Any]]:
    """The curve as a table, at every twentieth of the scores' range."""
    found = []
    for index, threshold in enumerate(curves.thresholds):
        if round(threshold * 1000) % 50:
            continue
        row: dict[str, Any] = {"threshold": threshold}
        for name, curve in (("escape", curves.escape), ("overkill", curves.overkill)):
            row[name] = (
                {
                    "value": curve.losses[index] / curve.parts,
                    "low": curve.low[index],
                    "high": curve.high[index],
                }
                if curve.parts
                else None
            )
        found.append(row)
    return found


@dataclass(frozen=True, kw_only=True)
class PastPoint:
    """One operating point of the version's history."""

    row: PointRow
    certificate: Certificate | None
    shown: PointShown


def history(version: ModelVersion, project: Project, scope: str) -> list[PastPoint]:
    """The newest twenty that decided about `scope`, newest first."""
    mine = Q(project=project, scope__in={"", scope}) | Q(project=None)
    found = PointRow.objects.filter(mine, model_version=version).select_related("created_by")
    return [
        PastPoint(
            row=row,
            certificate=certificate_of(row),
            shown=point(OperatingPoint.model_validate(row.data), ()),
        )
        for row in found.order_by("-pk")[:20]
    ]


def certificate_of(row: PointRow) -> Certificate | None:
    """How a stored point was fitted; None where it was set by hand."""
    return Certificate.model_validate(row.certificate) if row.certificate else None


def limit_words(limit: Limit) -> str:
    """A limit as a sentence's subject: "Escape of scratch at most 2 %"."""
    said = {"percent": f"{limit.at_most * 100:g}"}
    if limit.kind == "overkill":
        return _("Overkill at most %(percent)s %%") % said
    if limit.severity:
        word = _(SEVERITY_WORDS[limit.severity])
        return _("Escape of %(word)s defects at most %(percent)s %%") % {**said, "word": word}
    if limit.label:
        return _("Escape of %(label)s at most %(percent)s %%") % {**said, "label": limit.label}
    return _("Escape at most %(percent)s %%") % said


MOVES = {
    ("pass", "fail"): gettext_noop("Passed then, would fail"),
    ("pass", "review"): gettext_noop("Passed then, a person would be asked"),
    ("review", "fail"): gettext_noop("A person was asked, would fail"),
    ("review", "pass"): gettext_noop("A person was asked, would pass"),
    ("fail", "pass"): gettext_noop("Failed then, would pass"),
    ("fail", "review"): gettext_noop("Failed then, a person would be asked"),
}
TONES = {"pass": "good", "review": "unsure", "fail": "bad"}


def rehearsal(found: Rehearsal) -> dict[str, Any]:
    """Bars and moves, the riskiest move first."""
    total = max(found.results, 1)
    return {
        "bars": [
            {"name": name, "parts": _bar(counts, total)}
            for name, counts in ((_("Then"), found.then), (_("Would be"), found.would))
        ],
        "moves": [
            {
                "words": _(MOVES[key]),
                "count": found.moved[key],
                "examples": found.examples[key],
                "outcome": key[1],
            }
            for key in sorted(found.moved, key=lambda key: (key[1] != "pass", key[1]))
        ],
        "curve": {
            "thresholds": THRESHOLDS,
            "results": found.results,
            "fails": found.fails,
            "asked": found.asked,
        },
        "table": [
            {"outcome": outcome, "counts": (found.then[outcome], found.would[outcome])}
            for outcome in ("fail", "review", "pass")
        ],
    }


def _bar(counts: Any, total: int) -> list[dict[str, Any]]:
    parts, start = [], 0.0
    for outcome in ("fail", "review", "pass"):
        width = 100 * counts[outcome] / total
        parts.append(
            {
                "outcome": outcome,
                "tone": TONES[outcome],
                "count": counts[outcome],
                "x": f"{start:.3f}%",
                "width": f"{width:.3f}%",
            }
        )
        start += width
    return parts
