"""How the pages write icons, an app's words, times, sizes and shares."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.forms import BoundField, Select
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from loupe.console.said import translated
from loupe.contract.extras import AppSchedule
from loupe.contract.outcomes import Reason, Tone
from loupe.contract.text import Text
from loupe.datasets.models import Record
from loupe.jobs.models import Job, JobState
from loupe.plugins import registry as apps
from loupe.review.models import Review
from loupe.schedules.models import Schedule
from loupe.schedules.running import FOLDER

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of the vendored sprite; decoration only, the text beside it names the thing."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>',
        static("vendor/tabler-icons-3.51.0/sprite.svg"),
        name,
    )


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's widget, dressed for the page and marked where it is wrong."""
    widget = field.field.widget
    dress = "form-select" if isinstance(widget, Select) else "form-control"
    attrs: dict[str, str | bool] = {"class": f"{dress} {widget.attrs.get('class', '')}".strip()}
    if field.errors:
        attrs["aria-invalid"] = "true"
    return field.as_widget(attrs=attrs)


@register.filter
def words(text: Text) -> str:
    """An app's words in the language of the page."""
    return text.in_language(get_language() or "en")


@register.filter
def sentence(reason: Reason | Mapping[str, Any]) -> str:
    """A reason's sentence in the language of the page."""
    shown = reason if isinstance(reason, Reason) else Reason.model_validate(reason)
    return shown.zh if (get_language() or "en").startswith("zh") else shown.en


@register.filter
def said(sentence: str, code: str = "") -> str:
    """What a reader, a sandbox or the engine said, in the language of the page."""
    return translated(sentence, code) if sentence else ""


@register.filter
def milliseconds(value: float) -> str:
    """A wall time with digits that mean something: 0.4 ms, 38 ms, 1.2 s."""
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


@register.filter
def span(value: timedelta | float | None) -> str:
    """A duration for people: 40 s, 3 min 20 s, 2 h 5 min."""
    if value is None:
        return "–"
    seconds = round(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds < 60:
        return _("%(s)d s") % {"s": seconds}
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return _("%(m)d min %(s)d s") % {"m": minutes, "s": seconds}
    hours, minutes = divmod(minutes, 60)
    return _("%(h)d h %(m)d min") % {"h": hours, "m": minutes}


@register.filter
def percent(value: float) -> str:
    """A share between 0 and 1."""
    return f"{value * 100:.0f} %"


@register.filter
def capped(value: int) -> str:
    """A count that was only taken up to a thousand."""
    return f"{value:,}" if value <= 1000 else "1,000+"


@register.filter
def pieces(value: int) -> str:
    """How many inputs, in words."""
    return ngettext("%(n)d file", "%(n)d files", value) % {"n": value}


@register.filter
def entry(mapping: Mapping[str, Any], key: str) -> Any:
    """A value of a mapping by a key held in a variable."""
    return mapping.get(key)


@register.simple_tag(takes_context=True)
def query(context: Mapping[str, Any], **changes: object) -> str:
    """The page's own query string with some values set, or removed where they are empty."""
    request: HttpRequest = context["request"]
    kept = {key: value for key, value in request.GET.items() if key not in {"after", "before"}}
    for key, value in changes.items():
        if value in (None, ""):
            kept.pop(key, None)
        else:
            kept[key] = str(value)
    return "?" + urlencode(kept)


@register.filter
def exact(value: float) -> str:
    """A number for an attribute: never with a thousands mark or a decimal comma."""
    return f"{value:.3f}"


@register.filter
def took(job: Job) -> timedelta | None:
    """How long a job ran."""
    return job.ended_at - job.started_at if job.started_at and job.ended_at else None


_OUTCOME_ICONS = {Tone.GOOD: "circle-check", Tone.BAD: "circle-x", Tone.UNSURE: "alert-triangle"}


@register.simple_tag
def outcome(app: str, key: str, short: bool = False, big: bool = False) -> SafeString:
    """An outcome by colour, shape and word; `short` keeps the word for screen readers only."""
    found = next((one for one in apps.get(app).outcomes if one.key == key), None)
    label = words(found.label) if found else key
    tone = found.tone if found else Tone.UNSURE
    return format_html(
        '<span class="{} tone-{}">{}<span class="{}">{}</span></span>',
        "big-outcome" if big else "badge-outcome",
        tone.value,
        icon(_OUTCOME_ICONS[tone]),
        "visually-hidden" if short else "",
        label,
    )


_STATE_LOOK = {
    JobState.QUEUED: ("", "clock"),
    JobState.RUNNING: ("tone-live", "player-play"),
    JobState.DONE: ("tone-good", "check"),
    JobState.CANCELLED: ("", "ban"),
}


@register.simple_tag
def job_state(job: Job) -> SafeString:
    """A job's state by shape and word."""
    tone, symbol = _STATE_LOOK[JobState(job.state)]
    return format_html(
        '<span class="badge-state {}">{}{}</span>', tone, icon(symbol), job.get_state_display()
    )


@register.simple_tag
def app_name(slug: str) -> str:
    """What an app is called in the language of the page; its slug where it is not installed."""
    found = next((app for app in apps.installed() if app.slug == slug), None)
    return words(found.name) if found else slug


@register.simple_tag
def task_name(schedule: Schedule) -> str:
    """What a schedule runs, in the language of the page; its key where nobody offers it."""
    if schedule.task == FOLDER:
        return _("inspect a folder")
    found = _app_task(schedule)
    return words(found.label) if found else schedule.task


@register.simple_tag
def schedule_name(schedule: Schedule) -> str:
    """A schedule's name; one that it was given from the start in the language of the page."""
    found = _app_task(schedule)
    return words(found.label) if found and found.label.en == schedule.name else schedule.name


def _app_task(schedule: Schedule) -> AppSchedule | None:
    offered = (
        task for app in apps.installed() if app.slug == schedule.app for task in app.schedules
    )
    return next((task for task in offered if task.key == schedule.task), None)


@register.filter
def last_name(reviews: Sequence[Review]) -> str:
    """Who spoke last about a result."""
    return reviews[-1].user.get_username() if reviews else ""


@register.simple_tag
def verb_label(labels: Mapping[str, Text], key: str) -> str:
    """A review verb's words; its key where the app no longer offers it."""
    return words(labels[key]) if key in labels else key


@register.simple_tag
def correction_link(records: Mapping[int, Record], review: Review) -> SafeString:
    """What a review corrected, with the way to the dataset's record it went into."""
    record = records.get(review.pk)
    if record is None:
        return format_html("{}", _("corrected what was found"))
    place = [record.dataset.project.slug, record.dataset_id, record.pk]
    return format_html(
        '<a href="{}">{}</a>',
        reverse("console:label", args=place),
        _("corrected what was found, in %(dataset)s") % {"dataset": record.dataset.name},
    )


@register.filter
def as_json(value: object) -> str:
    """JSON for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.simple_tag(takes_context=True)
def thumb(context: Mapping[str, Any], app: str, result_id: int, side: int) -> SafeString:
    """A result's small picture; the app's own mark where its inputs cannot be drawn."""
    domain = next((one for one in apps.installed() if one.slug == app), None)
    if domain is None or domain.pages.preview is None:
        mark = static(domain.icon) if domain else static("console/loupe.svg")
        return format_html('<img class="thumb app-icon no-picture" src="{}" alt="">', mark)
    project = context["request"].project
    return format_html(
        '<img class="thumb" src="{}" alt="" loading="lazy" width="{}" height="{}">',
        reverse("console:picture", args=[project.slug, app, result_id, "small"]),
        side,
        side,
    )
