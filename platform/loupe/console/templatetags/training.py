"""How pages write runs and the figures of panels."""

from datetime import timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from loupe.console.templatetags.loupe import icon
from loupe.contract.runtime.panel import Figure, GateRow, Plot, Slice
from loupe.training.models import Run, RunState

register = template.Library()

_LOOK = {
    RunState.QUEUED: ("", "clock"),
    RunState.RUNNING: ("tone-live", "player-play"),
    RunState.DONE: ("tone-good", "check"),
    RunState.FAILED: ("tone-bad", "alert-triangle"),
    RunState.CANCELLED: ("", "ban"),
}


@register.simple_tag
def run_state(run: Run) -> SafeString:
    """A run's state by shape and word."""
    tone, symbol = _LOOK[RunState(run.state)]
    return format_html(
        '<span class="badge-state {}">{}{}</span>', tone, icon(symbol), run.get_state_display()
    )


@register.filter
def run_took(run: Run) -> timedelta | None:
    """How long a run has been at work."""
    if run.started_at is None:
        return None
    return (run.ended_at or timezone.now()) - run.started_at


@register.filter
def share(value: float) -> str:
    """A share of one as a percentage for an attribute."""
    return f"{100 * value:.2f}"


@register.filter
def panel_words(said: Figure | Slice | Plot | GateRow) -> str:
    """The words of a figure, slice, plot or condition in the language of the page."""
    return said.zh if (get_language() or "en").startswith("zh") else said.en


@register.filter
def figure(value: float | None, of: Figure | None = None) -> str:
    """A figure with digits that mean something: as many as its interval bears, three where it has
    none."""
    if value is None:
        return "–"
    if of is not None and of.low is not None and of.high is not None and of.high > of.low:
        width = of.high - of.low
        digits = 1 if width >= 1 else 2 if width >= 0.1 else 3
        return f"{value:.{digits}f}"
    return f"{value:.3g}" if abs(value) >= 100 or 0 < abs(value) < 0.001 else f"{value:.3f}"
