"""Messages that say there is something to do; the database holds what."""

from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

SORT = "apps.report_gen.sort"
READ = "apps.report_gen.read"
RECOVER = "apps.report_gen.recover"


def wake_delivery(delivery_id: UUID) -> None:
    """Have a worker sort a delivery once what is being written is committed."""
    transaction.on_commit(lambda: _send(SORT, str(delivery_id)), robust=True)


def wake_study(study_id: UUID) -> None:
    """Have a worker make a complete study's bundle and submit it."""
    transaction.on_commit(lambda: _send(READ, str(study_id)), robust=True)


def _send(name: str, about: str) -> None:
    try:
        current_app.send_task(name, args=[about])
    except OperationalError:
        # The broker is away: `recover` finds the row.
        return
