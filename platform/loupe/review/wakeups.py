"""Messages to workers: a bulk call waits. Losing one costs seconds."""

import logging
import uuid

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

WORK = "loupe.review.work_on_bulk"
STALE_SECONDS = 60


def send(call_id: uuid.UUID) -> bool:
    """Tell a worker now. Returns whether the broker took the message."""
    try:
        current_app.send_task(WORK, args=[str(call_id)], expires=STALE_SECONDS)
    except (OperationalError, OSError) as error:
        log.warning("the broker took no message for %s: %s; it is sent again", call_id, error)
        return False
    return True


def after_commit(call_id: uuid.UUID) -> None:
    """Wake a worker once the current transaction is committed."""
    transaction.on_commit(lambda: send(call_id), robust=True)
