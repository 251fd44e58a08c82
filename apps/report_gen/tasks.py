"""Celery tasks of the app: thin, safe to run twice, under two minutes."""

import uuid

from celery import shared_task
from celery.signals import worker_ready

from apps.report_gen.reader_tasks import prepare, send_back
from apps.report_gen.services import arriving, recovering, sorting, wakeups

__all__ = ["prepare", "read", "recover", "send_back", "sort"]


@shared_task(name=wakeups.SORT)  # type: ignore[untyped-decorator]
def sort(delivery_id: str) -> None:
    """Sort a delivery into studies."""
    sorting.sort(uuid.UUID(delivery_id))


@shared_task(name=wakeups.READ)  # type: ignore[untyped-decorator]
def read(study_id: str) -> None:
    """Make the bundle of a complete study and submit it."""
    arriving.read(uuid.UUID(study_id))


@shared_task(name=wakeups.RECOVER)  # type: ignore[untyped-decorator]
def recover() -> None:
    """Wake up what nobody works on."""
    recovering.recover()


@worker_ready.connect  # type: ignore[untyped-decorator]
def recover_at_start(**_: object) -> None:
    """A worker that starts may replace one that was killed."""
    recover.delay()
