"""What happens after a result and after a signature, away from the page that caused it."""

from uuid import UUID

from apps.report_gen.dicom import outbox
from apps.report_gen.models import Study
from apps.report_gen.services.reporting import outputs, volumes
from loupe.host.people import SYSTEM


def prepare(study_id: UUID) -> None:
    """Make the volumes that the viewer shows. A study that is gone, or has none, is left alone.

    Raises:
        LoupeError: they cannot be made now.
    """
    study = _found(study_id)
    if study is not None and study.result is not None:
        volumes.prepare(study)


def send_back(study_id: UUID) -> int:
    """Put SR and SEG of the signed version into the outbox; how many were put there.

    Raises:
        LoupeError: they cannot be made.
    """
    study = _found(study_id)
    if study is None or not outbox.returning_to(study).exists():
        return 0
    return len(outbox.post(SYSTEM, study, outputs.to_send_back(study)))


def _found(study_id: UUID) -> Study | None:
    rows = Study.objects.select_related("project", "result")
    return rows.filter(pk=study_id).first()
