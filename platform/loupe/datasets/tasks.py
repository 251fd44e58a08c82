"""Celery tasks: thin and safe to run twice."""

import uuid

from celery import shared_task

from loupe.datasets import fingerprints, wakeups
from loupe.datasets.importing import recovery
from loupe.datasets.importing.work import work
from loupe.datasets.models import Dataset

TURN_SECONDS = 20.0
UNPACKING_SECONDS = 3600
"""Unpacking cannot stop half-way; a message delivered again meanwhile finds the lease taken."""


@shared_task(  # type: ignore[untyped-decorator]
    name=wakeups.IMPORT, time_limit=UNPACKING_SECONDS, soft_time_limit=UNPACKING_SECONDS - 60
)
def work_on_import(import_id: str) -> None:
    """Go on with one import for a while."""
    if work(uuid.UUID(import_id), TURN_SECONDS):
        wakeups.send(wakeups.IMPORT, uuid.UUID(import_id))


@shared_task(name=wakeups.FINGERPRINT)  # type: ignore[untyped-decorator]
def take_fingerprints(dataset_id: str) -> None:
    """Fingerprint new records of one dataset for a while."""
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is not None and fingerprints.take(dataset, TURN_SECONDS):
        wakeups.send(wakeups.FINGERPRINT, dataset.pk)


@shared_task(name="loupe.datasets.recover")  # type: ignore[untyped-decorator]
def recover() -> None:
    """Wake workers for what waits; beat asks for it every few seconds."""
    recovery.recover()
