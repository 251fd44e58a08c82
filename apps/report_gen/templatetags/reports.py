"""How the pages of reports write findings, places, differences and times."""

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from apps.report_gen.findings import KINDS, LOBE_NAMES, SIDE_NAMES, STATE_NAMES, Lobe, Side, State
from apps.report_gen.report import Part, ReportFinding
from apps.report_gen.reporting.checks import named
from apps.report_gen.reporting.differences import Mark, Piece
from apps.report_gen.services.reporting.shown_result import ShownResult, of_result
from loupe.contract.text import Text

register = template.Library()

PARTS = {
    Part.INDICATION: gettext_lazy("Indication"),
    Part.TECHNIQUE: gettext_lazy("Technique"),
    Part.COMPARISON: gettext_lazy("Comparison"),
    Part.FINDINGS: gettext_lazy("Findings"),
    Part.IMPRESSION: gettext_lazy("Impression"),
}
STAGES = {
    "queue": gettext_lazy("Waiting in the queue"),
    "read": gettext_lazy("Reading the files"),
    "draft": gettext_lazy("Drafting"),
    "prepare": gettext_lazy("Preparing the volume"),
    "detect": gettext_lazy("Detecting findings"),
    "find": gettext_lazy("Detecting findings"),
    "write": gettext_lazy("Writing the draft"),
    "store": gettext_lazy("Storing the result"),
    "total": gettext_lazy("Together"),
}
TAGS = {Mark.ADDED: "ins", Mark.REMOVED: "del"}


@register.filter
def part_name(part: Part) -> str:
    """A part's heading."""
    return str(PARTS[Part(part)])


@register.filter
def stage_name(key: str) -> str:
    """What a stage of the machine's work is called; a key that has no name, as it is."""
    return str(STAGES.get(key, key))


@register.filter
def kind_text(key: str) -> Text:
    """What a kind of finding is called."""
    return KINDS[key].name


@register.filter
def lobe_text(lobe: str) -> Text:
    """What a lobe is called."""
    return LOBE_NAMES[Lobe(lobe)]


@register.filter
def side_text(side: str) -> Text:
    """What a side is called."""
    return SIDE_NAMES[Side(side)]


@register.filter
def state_text(state: str) -> Text:
    """What a state is called."""
    return STATE_NAMES[State(state)]


@register.filter
def finding_words(finding: ReportFinding) -> str:
    """A finding in a few words, with its state where it is not simply there."""
    said = two_words(named(finding))
    if finding.state is State.PRESENT:
        return said
    return f"{said} ({two_words(STATE_NAMES[finding.state])})"


@register.simple_tag
def marked(pieces: tuple[Piece, ...]) -> SafeString:
    """A difference with its additions and removals marked."""
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<{}>{}</{}>", TAGS[each.mark], each.text, TAGS[each.mark]),)
            if each.mark in TAGS
            else (each.text,)
            for each in pieces
        ),
    )


@register.simple_tag
def shown_result(result: Any) -> ShownResult:
    """What the host's page of a result shows of it: no identity, pseudonyms alone."""
    return of_result(result)


@register.filter
def seconds(value: float) -> str:
    """A time with digits that mean something."""
    if value >= 3600:
        return _("%(h).1f h") % {"h": value / 3600}
    if value >= 120:
        return _("%(m).1f min") % {"m": value / 60}
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


@register.filter
def short(text: Any, length: int = 10) -> str:
    """The first characters of a hash or an identifier."""
    return str(text)[:length]


@register.filter
def two_words(given: Any) -> str:
    """The sentence of anything that has one in each language, in that of the page."""
    language = "zh" if (get_language() or "en").startswith("zh") else "en"
    return str(given[language] if isinstance(given, dict) else getattr(given, language))


@register.filter
def author(label: str) -> str:
    """Who wrote a version: a person by name, the model as such."""
    kind, _colon, name = label.partition(":")
    return _("Model %(name)s") % {"name": name} if kind == "model" else name or kind


@register.filter
def slug_id(finding_id: str) -> str:
    """An identifier of a finding as part of an element's id."""
    return finding_id.replace(".", "-")
