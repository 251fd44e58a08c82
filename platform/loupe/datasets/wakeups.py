"""Messages to workers: an import waits, records lack a fingerprint. Losing one costs seconds."""

import logging
import uuid

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from loupe.datasets.models import Dataset

log = logging.getLogger(__name__)

IMPORT = "loupe.datasets.work_on_import"
FINGERPRINT = "loupe.datasets.take_fingerprints"
STALE_SECONDS = 60


def send(task: str, subject: uuid.UUID) -> bool:
    """Tell a worker now. Returns whether the broker took the message."""
    try:
        current_app.send_task(task, args=[str(subject)], expires=STALE_SECONDS)
    except (OperationalError, OSError) as error:
        log.warning("the broker took no message for %s: %s; it is sent again", subject, error)
        return False
    return True


def import_after_commit(import_id: uuid.UUID) -> None:
    """Wake a worker for an import once the current transaction is committed."""
    transaction.on_commit(lambda: send(IMPORT, import_id), robust=True)


def fingerprint_after_commit(dataset: Dataset) -> None:
    """Wake a worker for new records once the current transaction is committed."""
    pk = dataset.pk
    transaction.on_commit(lambda: send(FINGERPRINT, pk), robust=True)
