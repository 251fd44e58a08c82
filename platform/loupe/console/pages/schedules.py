"""Schedules: listed with when they run next, edited, run by hand, with their history."""

import uuid
import zoneinfo
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.plugins import registry as apps
from loupe.schedules import services as schedules
from loupe.schedules.models import Schedule, ScheduleRun
from loupe.schedules.running import FOLDER
from loupe.schedules.timing import Timing

SHOWN = 50


class ScheduleForm(forms.Form):
    """What runs, when, and on which folder."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    what = forms.ChoiceField(label=gettext_lazy("What runs"))
    folder = forms.CharField(
        label=gettext_lazy("Folder"),
        max_length=400,
        required=False,
        help_text=gettext_lazy("Below the folder the operator opened for this (LOUPE_WATCH_ROOT)."),
    )
    model = forms.CharField(
        label=gettext_lazy("Model"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Empty: the project's default."),
    )
    only_new = forms.BooleanField(
        label=gettext_lazy("Only files that no earlier run has sent"), required=False, initial=True
    )
    cron = forms.CharField(
        label=gettext_lazy("Cron"),
        max_length=100,
        required=False,
        help_text=gettext_lazy(
            "Minute, hour, day of month, month, day of week: 30 2 * * * is every night at 2:30."
        ),
    )
    interval_seconds = forms.IntegerField(
        label=gettext_lazy("Or every so many seconds"), required=False, min_value=1
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=lambda: [(zone, zone) for zone in sorted(zoneinfo.available_timezones())],
    )
    skip_if_running = forms.BooleanField(
        label=gettext_lazy("Skip when the last run is still going"), required=False, initial=True
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [pair for app in apps.installed() for pair in _offered(app)]
        self.fields["what"] = forms.ChoiceField(label=_("What runs"), choices=choices)

    def timing(self) -> Timing:
        """The chosen timing, checked."""
        return Timing(
            cron=self.cleaned_data["cron"],
            interval_seconds=self.cleaned_data["interval_seconds"],
            time_zone=self.cleaned_data["time_zone"],
        )

    def options(self, task: str) -> dict[str, Any] | None:
        """What the folder task is told; an app's own tasks keep what they have."""
        if task != FOLDER:
            return None
        return {
            "folder": self.cleaned_data["folder"],
            "model": self.cleaned_data["model"] or None,
            "only_new": self.cleaned_data["only_new"],
        }


def _offered(app: type[DomainApp]) -> list[tuple[str, str]]:
    language = get_language() or "en"
    name = app.name.in_language(language)
    own = [
        (f"{app.slug}:{task.key}", f"{name}: {task.label.in_language(language)}")
        for task in app.schedules
    ]
    return [(f"{app.slug}:{FOLDER}", f"{name}: {_('inspect a folder')}"), *own]


def _find(request: PageRequest, schedule_id: uuid.UUID) -> Schedule:
    found = schedules.find(request.actor, schedule_id)
    if found.project_id != request.project.pk:
        raise NotVisible(_("There is no schedule %(id)s that you can see.") % {"id": schedule_id})
    return found


@require_GET
@project_page(section="schedules")
def listing(request: PageRequest) -> HttpResponse:
    """The timetable."""
    found = schedules.listing(request.actor, request.project)[:200]
    rows = [(schedule, schedules.next_run(schedule)) for schedule in found]
    return render(request, "console/schedules.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_SCHEDULES, section="schedules")
def create(request: PageRequest) -> HttpResponse:
    """Put something on the timetable."""
    given = request.POST if request.method == "POST" else None
    form = ScheduleForm(
        given, initial={"time_zone": request.project.time_zone, "cron": "30 2 * * *"}
    )
    if given is not None and form.is_valid():
        app, _colon, task = form.cleaned_data["what"].partition(":")
        try:
            made = schedules.create(
                request.actor,
                request.project,
                app,
                task,
                form.cleaned_data["name"],
                form.timing(),
                options=form.options(task),
                skip_if_running=form.cleaned_data["skip_if_running"],
            )
            return HttpResponseRedirect(
                reverse("console:schedule", args=[request.project.slug, made.pk])
            )
        except LoupeError as error:
            blame(form, error)
    return render(request, "console/schedule_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_SCHEDULES, section="schedules")
def edit(request: PageRequest, schedule_id: uuid.UUID) -> HttpResponse:
    """Change when and on what a schedule runs; what it is stays."""
    schedule = _find(request, schedule_id)
    given = request.POST if request.method == "POST" else None
    initial = {
        "name": schedule.name,
        "what": f"{schedule.app}:{schedule.task}",
        "cron": schedule.cron,
        "interval_seconds": schedule.interval_seconds,
        "time_zone": schedule.time_zone,
        "skip_if_running": schedule.skip_if_running,
        **schedule.options,
    }
    form = ScheduleForm(given, initial=initial)
    form.fields["what"].disabled = True
    if given is not None and form.is_valid():
        try:
            schedules.update(
                request.actor,
                schedule,
                name=form.cleaned_data["name"],
                timing=form.timing(),
                options=form.options(schedule.task),
                skip_if_running=form.cleaned_data["skip_if_running"],
            )
            say(request, _("Saved."))
            return HttpResponseRedirect(
                reverse("console:schedule", args=[request.project.slug, schedule.pk])
            )
        except LoupeError as error:
            blame(form, error)
    return render(request, "console/schedule_form.html", {"form": form, "schedule": schedule})


@require_GET
@project_page(section="schedules")
def page(request: PageRequest, schedule_id: uuid.UUID) -> HttpResponse:
    """One schedule with its history."""
    schedule = _find(request, schedule_id)
    runs = list(schedules.history(request.actor, schedule)[:SHOWN])
    return render(
        request,
        "console/schedule.html",
        {
            "schedule": schedule,
            "next": schedules.next_run(schedule),
            "runs": runs,
            "running": any(run.state == ScheduleRun.State.RUNNING for run in runs),
        },
    )


@require_POST
@project_page(Action.MANAGE_SCHEDULES)
def act(request: PageRequest, schedule_id: uuid.UUID, verb: str) -> HttpResponse:
    """Run now, switch on or off, delete."""
    schedule = _find(request, schedule_id)
    there = reverse("console:schedule", args=[request.project.slug, schedule.pk])
    try:
        match verb:
            case "run":
                schedules.run_now(request.actor, schedule)
                say(request, _("Started. The history below shows what comes of it."))
            case "on" | "off":
                schedules.set_enabled(request.actor, schedule, verb == "on")
                say(request, _("Switched on.") if verb == "on" else _("Switched off."))
            case "delete":
                schedules.delete(request.actor, schedule)
                say(request, _("Deleted. The jobs it started stay."))
                there = reverse("console:schedules", args=[request.project.slug])
            case _unknown:
                raise NotVisible(_("A schedule cannot do that."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(there)
