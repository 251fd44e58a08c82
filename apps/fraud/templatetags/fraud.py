"""How the fraud pages write money, moments and scores."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.fraud.models import Alert
from apps.fraud.money import DIGITS
from apps.fraud.scheme import Scheme
from apps.fraud.services.ring_names import called

register = template.Library()


@register.filter
def money(minor: int | None, currency: str) -> str:
    """Minor units as people read them, with the currency behind: 1,234.50 EUR."""
    if minor is None:
        return "–"
    digits = DIGITS.get(currency, 2)
    sign, whole = ("−" if minor < 0 else ""), abs(int(minor))
    units, rest = divmod(whole, 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{sign}{units:,}{fraction}\u00a0{currency}"


@register.filter
def moment(ms: int | None) -> str:
    """A time in milliseconds, in the project's zone; what no calendar holds stays a number."""
    if ms is None:
        return "–"
    try:
        at = datetime.fromtimestamp(ms / 1000, tz=UTC)
        return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(ms)


@register.filter
def score(value: float | None) -> str:
    """A score with digits that mean something: 0.02, 0.934, 0.9971."""
    if value is None or value != value:
        return "–"
    if value >= 0.99:
        return f"{min(value, 0.9999):.4f}" if value < 1 else "1"
    return f"{value:.3f}" if value >= 0.1 else f"{value:.4f}"


@register.filter
def kind_name(type_: str, scheme: Scheme) -> str:
    """What a type of entity is called in the language of the page."""
    found = next((entity for entity in scheme.entities if entity.key == type_), None)
    if found is None:
        fixed: Mapping[str, str] = {"ring": _("Ring"), "transaction": _("Transaction")}
        return fixed.get(type_, type_)
    return found.zh if (get_language() or "en").startswith("zh") else found.en


@register.filter
def alert_name(alert: Alert, scheme: Scheme) -> str:
    """What an alert is called in the language of the page."""
    return called(alert, scheme)


@register.filter
def sentence_of(said: Mapping[str, Any]) -> str:
    """The ``en`` or ``zh`` of something, by the language of the page."""
    return str(said.get("zh" if (get_language() or "en").startswith("zh") else "en", ""))


def type_names(scheme: Scheme) -> dict[str, str]:
    """What each type of entity is called, for scripts."""
    return {entity.key: kind_name(entity.key, scheme) for entity in scheme.entities}


@register.filter
def telling(reasons: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The one reason for a line of a list: not that a score reaches a cut-off, where there is
    one that says why it does."""
    said = [reason for reason in reasons if not str(reason.get("code", "")).startswith("score_")]
    return (said or reasons)[:1]


@register.filter
def attribute_name(key: str, scheme: Scheme) -> str:
    """What an attribute is called in the language of the page."""
    found = next((attribute for attribute in scheme.attributes if attribute.key == key), None)
    if found is None:
        return key
    return found.zh if (get_language() or "en").startswith("zh") else found.en


_TRUTH = {"fraud": ("bad", "circle-x"), "honest": ("good", "circle-check"), "unknown": ("", "")}


@register.simple_tag
def truth(word: str) -> SafeString:
    """What something turned out to be, by colour and word; nothing where nobody has said."""
    if word not in _TRUTH:
        return format_html("")
    names = {"fraud": _("Fraud"), "honest": _("Honest"), "unknown": _("Unknown")}
    return format_html(
        '<span class="badge-state tone-{}">{}</span>', _TRUTH[word][0] or "plain", names[word]
    )


@register.filter
def person(label: str) -> str:
    """Who, without the kind of actor: user:anna → anna."""
    return label.removeprefix("user:")
