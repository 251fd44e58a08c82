"""Celery task: small files are packed behind the calls that brought them."""

import logging

from celery import shared_task

from loupe.blobs import small

log = logging.getLogger(__name__)


@shared_task(name="loupe.blobs.pack")  # type: ignore[untyped-decorator]
def pack() -> None:
    """Pack small files that wait; beat asks for it every half minute."""
    done = small.pack()
    if done.files:
        log.debug("packed small files: %s", done)
