"""Celery tasks: thin, safe to run twice, always under two minutes."""

import logging
import uuid

from celery import shared_task
from celery.signals import worker_ready

from loupe.jobs import folders, recovery, wakeups
from loupe.jobs.execution.bench import bench
from loupe.jobs.execution.shift import Shift
from loupe.jobs.limits import TASK_SECONDS
from loupe.jobs.places import worker_apps

log = logging.getLogger(__name__)


@shared_task(name=wakeups.WORK)  # type: ignore[untyped-decorator]
def work(job_id: str) -> None:
    """Work for a while on whatever job has its turn; `job_id` is the one this wake-up is for."""
    tally = Shift(bench(), worker_apps(), TASK_SECONDS).run()
    log.debug("worked after a wake-up for job %s: %s", job_id, tally)
    if tally.more:
        wakeups.send(uuid.UUID(job_id))


@shared_task(name="loupe.jobs.recover")  # type: ignore[untyped-decorator]
def recover() -> None:
    """Run the reaper; beat asks for it every few seconds."""
    done = recovery.recover()
    if done.requeued or done.given_up:
        log.warning("workers died: %s", done)


@shared_task(name="loupe.jobs.poll_folders")  # type: ignore[untyped-decorator]
def poll_folders() -> None:
    """Look for new files in the watched folders."""
    folders.poll_all()


@worker_ready.connect  # type: ignore[untyped-decorator]
def recover_at_start(**_: object) -> None:
    """A worker that starts asks for the reaper at once: it may replace one that was killed."""
    recover.delay()
