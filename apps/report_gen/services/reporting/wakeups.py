"""Messages to workers about a study: the database holds what there is to do."""

from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

PREPARE = "apps.report_gen.prepare_volumes"
SEND_BACK = "apps.report_gen.send_back"


def prepare(study_id: UUID) -> None:
    """Have a worker make the viewer's volumes once what is being written is committed."""
    _later(PREPARE, study_id)


def send_back(study_id: UUID) -> None:
    """Have a worker send what was signed to where the study came from."""
    _later(SEND_BACK, study_id)


def _later(name: str, study_id: UUID) -> None:
    def send() -> None:
        try:
            current_app.send_task(name, args=[str(study_id)])
        except OperationalError:
            # The broker is away. Volumes are made when asked for, and `recovering` finds what was
            # signed.
            return

    transaction.on_commit(send, robust=True)
