"""Celery tasks of the readers' side: volumes before anybody asks, signed reports on their way."""

import logging
import uuid

from celery import shared_task

from apps.report_gen.services.reporting import sending_back, wakeups
from loupe.contract.runtime.errors import LoupeError

log = logging.getLogger("loupe.report_gen")


@shared_task(name=wakeups.PREPARE)  # type: ignore[untyped-decorator]
def prepare(study_id: str) -> None:
    """Make a study's volumes for the viewer; a page that needs them sooner makes them itself."""
    try:
        sending_back.prepare(uuid.UUID(study_id))
    except LoupeError as error:
        log.info("volumes of study %s are made when they are asked for: %s", study_id, error.code)


@shared_task(name=wakeups.SEND_BACK)  # type: ignore[untyped-decorator]
def send_back(study_id: str) -> None:
    """Put the signed report of a study into the outbox of the nodes that it came from."""
    sending_back.send_back(uuid.UUID(study_id))
