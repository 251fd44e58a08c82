"""One run of a schedule, from due to ended. Each step may be repeated after a kill.

What came of it is kept in English; the page says it in the reader's language by the tables of
`loupe.console.said`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.steps import load
from loupe.jobs import handing
from loupe.jobs.models import Job
from loupe.jobs.services import progress
from loupe.plugins import registry as apps
from loupe.schedules import folder
from loupe.schedules.models import Schedule, ScheduleRun

FOLDER = "folder"
MOST_RUNS = 1_000
"""Runs of a schedule that are kept; older ones that have ended go."""
State = ScheduleRun.State


def due(schedule_id: str, message_id: str, run_id: int | None = None) -> ScheduleRun | None:
    """Carry out what one wake-up asks for. None: the schedule is gone or switched off, or this
    message was dealt with before.

    Args:
        message_id: the wake-up's own id; delivered twice, it still makes one run.
        run_id: the run a person started by hand, which exists already.
    """
    settle()
    run = _begin(schedule_id, message_id, run_id)
    if run is None or run.state != State.RUNNING or run.job_id is not None:
        return run
    with _ended_whatever_happens(run):
        try:
            _carry_out(run)
        except LoupeError as error:
            _end(run, State.FAILED, error.message)
    settle()
    return run


@transaction.atomic
def _begin(schedule_id: str, message_id: str, run_id: int | None) -> ScheduleRun | None:
    """The run this message is about, made now if it is the first time the message comes."""
    schedule = Schedule.objects.select_for_update().filter(pk=schedule_id).first()
    if schedule is None:
        return None
    if run_id is not None:
        return ScheduleRun.objects.select_related("schedule__project").filter(pk=run_id).first()
    known = ScheduleRun.objects.select_related("schedule__project").filter(message_id=message_id)
    if (run := known.first()) is not None:
        return run
    if not schedule.enabled:
        return None
    run = ScheduleRun(
        schedule=schedule,
        state=State.RUNNING,
        started_at=timezone.now(),
        message_id=message_id,
    )
    running = ScheduleRun.objects.filter(schedule=schedule, state=State.RUNNING).first()
    if running is not None and schedule.skip_if_running:
        run.state, run.ended_at = State.SKIPPED, run.started_at
        began = running.started_at.isoformat(timespec="seconds")
        run.outcome = f"Skipped: the run of {began} has not ended."
    run.save()
    return run


def _carry_out(run: ScheduleRun) -> None:
    schedule = run.schedule
    if schedule.task == FOLDER and handing.takes_over(schedule.app):
        count = folder.hand_over(run)
        _end(run, State.DONE, f"{count} files were handed over." if count else "No new files.")
        return
    if schedule.task == FOLDER:
        job = folder.send(run)
        if job is None:
            _end(run, State.DONE, "No new files.")
        else:
            run.job_id = job.pk
            run.save(update_fields=["job_id"])
        return
    tasks = {task.key: task for task in apps.get(schedule.app).schedules}
    if schedule.task not in tasks:
        _end(run, State.FAILED, "The app does not offer this task any more.")
        return
    answer = load(tasks[schedule.task].run)(str(schedule.project_id), dict(schedule.options))
    _end(run, State.DONE, str(answer))


@contextmanager
def _ended_whatever_happens(run: ScheduleRun) -> Iterator[None]:
    """An app's task that raises ends its run as failed; the error itself goes on to the log."""
    finished = False
    try:
        yield
        finished = True
    finally:
        if not finished:
            _end(run, State.FAILED, "The task broke off with an error; the log has it.")


def settle() -> int:
    """End runs whose job has ended, and runs whose worker was lost. Returns how many ended."""
    count = 0
    running = ScheduleRun.objects.filter(state=State.RUNNING).select_related("schedule__project")
    lost_before = timezone.now() - timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT * 3)
    for run in running:
        if run.job_id is None:
            if run.started_at < lost_before:
                count += _end(run, State.FAILED, "The worker that ran it was lost.")
            continue
        job = Job.objects.filter(pk=run.job_id).first()
        if job is None:
            count += _end(run, State.FAILED, "Its job was deleted.")
            continue
        if job.ended_at is None:
            continue
        now = progress(job)
        told = (
            f"{now.done} of {now.total} files inspected, {now.failed} failed, {now.cancelled} "
            "cancelled."
        )
        state = State.FAILED if now.done == 0 else State.DONE
        count += _end(run, state, told)
    return count


@transaction.atomic
def _end(run: ScheduleRun, state: str, outcome: str) -> int:
    """Write the end of a run once, with a line in the changes feed."""
    now = timezone.now()
    ended = ScheduleRun.objects.filter(pk=run.pk, state=State.RUNNING).update(
        state=state, ended_at=now, outcome=outcome
    )
    if ended:
        _forget(run)
        run.state, run.ended_at, run.outcome = state, now, outcome
        publish(
            run.schedule.project,
            Kind.SCHEDULE_RAN,
            run.schedule_id,
            {
                "name": run.schedule.name,
                "run": run.pk,
                "state": state,
                "outcome": outcome,
                "job": str(run.job_id) if run.job_id else None,
            },
        )
    return ended


def _forget(run: ScheduleRun) -> None:
    """Let go of runs behind the newest `MOST_RUNS` of a schedule."""
    runs = ScheduleRun.objects.filter(schedule=run.schedule_id).order_by("-pk")
    last = runs.values_list("pk", flat=True)[MOST_RUNS - 1 : MOST_RUNS].first()
    if last is not None:
        runs.filter(pk__lt=last).exclude(state=State.RUNNING).delete()
