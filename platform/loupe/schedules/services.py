"""Schedules: made, changed, switched, run by hand, deleted; and what came of them.

The timetable is a periodic task of django-celery-beat; nobody but this module writes it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celery import current_app
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from kombu.exceptions import OperationalError

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.audit import services as audit
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.plugins import registry as apps
from loupe.schedules import folder
from loupe.schedules.errors import InvalidSchedule
from loupe.schedules.models import DUE, Schedule, ScheduleRun
from loupe.schedules.running import FOLDER
from loupe.schedules.timing import Timing


def tasks(app: str) -> dict[str, str]:
    """What can be scheduled for `app`: `folder` and the app's own tasks, with a default cron."""
    offered = {task.key: task.default_cron for task in apps.get(app).schedules}
    return {FOLDER: "30 2 * * *"} | offered


def listing(actor: Actor, project: Project, app: str | None = None) -> "models.QuerySet[Schedule]":
    """The project's schedules by name."""
    require(actor, Action.VIEW, project)
    rows = Schedule.objects.filter(project=project).select_related("periodic_task", "created_by")
    return (rows.filter(app=app) if app else rows).order_by("name")


def find(actor: Actor, schedule_id: Any) -> Schedule:
    """One schedule.

    Raises:
        NotVisible: it does not exist for this actor.
    """
    rows = visible(Schedule.objects.select_related("project", "periodic_task"), actor)
    schedule = rows.filter(pk=schedule_id).first()
    if schedule is None:
        raise NotVisible(_("There is no schedule %(id)s that you can see.") % {"id": schedule_id})
    return schedule


@transaction.atomic
def create(
    actor: Actor,
    project: Project,
    app: str,
    task: str,
    name: str,
    timing: Timing,
    *,
    options: Mapping[str, Any] | None = None,
    skip_if_running: bool = True,
    enabled: bool = True,
) -> Schedule:
    """Put something on the timetable.

    Args:
        task: `folder`, or the key of one of the app's schedules.
        options: for `folder` those of `loupe.schedules.folder.FolderOptions`; else the app's.

    Raises:
        NotVisible, Denied: the actor may not manage schedules here.
        InvalidSchedule: the name is taken, or a task or option is not allowed.
    """
    require(actor, Action.MANAGE_SCHEDULES, project)
    schedule = Schedule(project=project, app=app, task=task, created_by=actor.user)
    _fill(schedule, name, timing, options or {}, skip_if_running, enabled)
    schedule.save(force_insert=True)
    _write_timetable(schedule, timing)
    audit.record(actor, project, "schedule.created", f"schedule:{schedule.pk}", _told(schedule))
    return schedule


@transaction.atomic
def update(
    actor: Actor,
    schedule: Schedule,
    *,
    name: str | None = None,
    timing: Timing | None = None,
    options: Mapping[str, Any] | None = None,
    skip_if_running: bool | None = None,
    enabled: bool | None = None,
) -> Schedule:
    """Change what is given; None leaves it as it is.

    Raises:
        NotVisible, Denied, InvalidSchedule: as `create`.
    """
    require(actor, Action.MANAGE_SCHEDULES, schedule.project)
    schedule = Schedule.objects.select_for_update().get(pk=schedule.pk)
    before = _told(schedule)
    timing = timing or timing_of(schedule)
    _fill(
        schedule,
        schedule.name if name is None else name,
        timing,
        schedule.options if options is None else options,
        schedule.skip_if_running if skip_if_running is None else skip_if_running,
        schedule.enabled if enabled is None else enabled,
    )
    schedule.save()
    _write_timetable(schedule, timing)
    audit.record(
        actor,
        schedule.project,
        "schedule.changed",
        f"schedule:{schedule.pk}",
        {"before": before, "after": _told(schedule)},
    )
    return schedule


def set_enabled(actor: Actor, schedule: Schedule, enabled: bool) -> Schedule:
    """Switch a schedule on or off; its history stays."""
    return update(actor, schedule, enabled=enabled)


@transaction.atomic
def delete(actor: Actor, schedule: Schedule) -> None:
    """Take a schedule off the timetable, with its history. Jobs it started stay."""
    require(actor, Action.MANAGE_SCHEDULES, schedule.project)
    told, subject = _told(schedule), f"schedule:{schedule.pk}"
    if schedule.periodic_task is not None:
        schedule.periodic_task.delete()
    schedule.delete()
    audit.record(actor, schedule.project, "schedule.deleted", subject, told)


def run_now(actor: Actor, schedule: Schedule) -> ScheduleRun:
    """Start a run by hand, also of a schedule that is switched off.

    Raises:
        NotVisible, Denied: the actor may not manage schedules here.
        InvalidSchedule: it runs already and is told to skip then.
        TemporarilyUnavailable: the broker takes no messages; the history says so too.
    """
    require(actor, Action.MANAGE_SCHEDULES, schedule.project)
    with transaction.atomic():
        Schedule.objects.select_for_update().get(pk=schedule.pk)
        going = ScheduleRun.objects.filter(schedule=schedule, state=ScheduleRun.State.RUNNING)
        if schedule.skip_if_running and going.exists():
            raise InvalidSchedule(
                _("%(name)r is running already: wait until it has ended.")
                % {"name": schedule.name},
                code="schedule_running",
            )
        run = ScheduleRun.objects.create(
            schedule=schedule,
            state=ScheduleRun.State.RUNNING,
            started_at=timezone.now(),
            by_hand=True,
        )
        audit.record(
            actor, schedule.project, "schedule.run", f"schedule:{schedule.pk}", {"run": run.pk}
        )
    try:
        current_app.send_task(DUE, kwargs={"schedule_id": str(schedule.pk), "run_id": run.pk})
    except (OperationalError, OSError) as error:
        run.state, run.ended_at = ScheduleRun.State.FAILED, timezone.now()
        run.outcome = _("The broker took no message, so nothing was started.")
        run.save(update_fields=["state", "ended_at", "outcome"])
        raise TemporarilyUnavailable(
            _("The broker takes no messages at the moment, so nothing was started. Try again.")
        ) from error
    return run


def history(actor: Actor, schedule: Schedule) -> "models.QuerySet[ScheduleRun]":
    """The runs of a schedule, newest first."""
    require(actor, Action.VIEW, schedule.project)
    return ScheduleRun.objects.filter(schedule=schedule).order_by("-pk")


def timing_of(schedule: Schedule) -> Timing:
    """When a schedule runs."""
    return Timing(
        cron=schedule.cron,
        interval_seconds=schedule.interval_seconds,
        time_zone=schedule.time_zone,
    )


def next_run(schedule: Schedule) -> datetime | None:
    """When it is due next; None while it is switched off."""
    if not schedule.enabled:
        return None
    last = schedule.periodic_task.last_run_at if schedule.periodic_task else None
    return timing_of(schedule).next_after(timezone.now(), last)


def _fill(
    schedule: Schedule,
    name: str,
    timing: Timing,
    options: Mapping[str, Any],
    skip_if_running: bool,
    enabled: bool,
) -> None:
    """Check and set every field a person gives."""
    offered = tasks(schedule.app)
    if schedule.task not in offered:
        raise InvalidSchedule(
            _("The task %(task)r is not known: choose one of %(offered)s.")
            % {"task": schedule.task, "offered": ", ".join(offered)},
            code="task_unknown",
        )
    if not 0 < len(name.strip()) <= 100:
        raise InvalidSchedule(
            _("A schedule needs a name of 1 to 100 characters."), code="name_invalid"
        )
    twin = Schedule.objects.filter(project=schedule.project, name=name.strip())
    if twin.exclude(pk=schedule.pk).exists():
        raise InvalidSchedule(
            _("A schedule called %(name)r exists: choose another name.") % {"name": name.strip()},
            code="name_taken",
        )
    if schedule.task == FOLDER:
        options = folder.options(dict(options)).model_dump()
    schedule.name = name.strip()
    schedule.options = dict(options)
    schedule.cron = timing.cron
    schedule.interval_seconds = timing.interval_seconds
    schedule.time_zone = timing.time_zone
    schedule.skip_if_running = skip_if_running
    schedule.enabled = enabled


def _write_timetable(schedule: Schedule, timing: Timing) -> None:
    """The periodic task follows the schedule."""
    row = timing.table()
    task = schedule.periodic_task or PeriodicTask(name=f"schedule {schedule.pk}", task=DUE)
    task.interval = row if isinstance(row, IntervalSchedule) else None
    task.crontab = None if isinstance(row, IntervalSchedule) else row
    task.kwargs = json.dumps({"schedule_id": str(schedule.pk)})
    task.enabled = schedule.enabled
    task.expire_seconds = timing.stale_after_s
    task.description = f"{schedule.project.slug}: {schedule.name}"
    task.save()
    if schedule.periodic_task_id != task.pk:
        schedule.periodic_task = task
        schedule.save(update_fields=["periodic_task"])


def _told(schedule: Schedule) -> dict[str, Any]:
    """What the audit log keeps of a schedule."""
    return {
        "name": schedule.name,
        "app": schedule.app,
        "task": schedule.task,
        "cron": schedule.cron,
        "interval_seconds": schedule.interval_seconds,
        "time_zone": schedule.time_zone,
        "options": schedule.options,
        "enabled": schedule.enabled,
        "skip_if_running": schedule.skip_if_running,
    }
