"""Celery tasks: thin and safe to run twice."""

import uuid

from celery import shared_task

from loupe.review import bulk_work, wakeups

TURN_SECONDS = 20.0


@shared_task(name=wakeups.WORK)  # type: ignore[untyped-decorator]
def work_on_bulk(call_id: str) -> None:
    """Go on with one call about many results for a while."""
    if bulk_work.work(uuid.UUID(call_id), TURN_SECONDS):
        wakeups.send(uuid.UUID(call_id))


@shared_task(name="loupe.review.recover")  # type: ignore[untyped-decorator]
def recover() -> None:
    """Wake workers for calls that nobody moves; beat asks for it every few seconds."""
    bulk_work.recover()
