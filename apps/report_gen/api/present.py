"""Turns rows into the shapes the API answers."""

from apps.report_gen.api.shapes import (
    StudyDelivery,
    StudyDetail,
    StudyProblem,
    StudyShape,
    UnusableShape,
)
from apps.report_gen.models import Delivery, Study
from apps.report_gen.schema import StudyResult
from apps.report_gen.services import studies
from loupe.host.people import Actor


def _fields(row: Study) -> dict[str, object]:
    return {
        "id": row.pk,
        "project": row.project.slug,
        "study_uid": row.uid,
        "patient": row.patient,
        "status": row.state,
        "channel": row.channel,
        "language": row.language,
        "files": row.files,
        "bytes": row.bytes,
        "left_out": row.left_out,
        "problems": [_problem(each) for each in row.problems],
        "present": row.present,
        "critical": row.critical,
        "priority": row.priority,
        "outcome": row.result.outcome if row.result is not None else "",
        "result": row.result_id,
        "job": row.job_id,
        "arrived_at": row.arrived_at,
        "complete_at": row.complete_at,
        "drafted_at": row.drafted_at,
        "reported_at": row.reported_at,
    }


def study(row: Study) -> StudyShape:
    """One line of the list."""
    return StudyShape.model_validate(_fields(row))


def detail(row: Study) -> StudyDetail:
    """One study with its result."""
    reading = None
    if row.result is not None:
        result = StudyResult.model_validate(row.result.data)
        reading = result.model_dump(mode="json", exclude={"masks"})
    return StudyDetail.model_validate({**_fields(row), "reading": reading})


def delivery(actor: Actor, row: Delivery) -> StudyDelivery:
    """One delivery."""
    return StudyDelivery(
        id=row.pk,
        project=row.project.slug,
        status=row.state,
        files=row.files,
        bytes=row.bytes,
        left_out=row.left_out,
        problems=[_problem(each) for each in row.problems],
        unusable=[UnusableShape(**each) for each in studies.unusable(actor, row)],
        error_code=row.error_code,
        error=row.error,
        studies=[study(each) for each in studies.of_delivery(actor, row)],
        created_at=row.created_at,
    )


def _problem(told: dict[str, object]) -> StudyProblem:
    known = {key: told[key] for key in StudyProblem.model_fields if key in told}
    return StudyProblem.model_validate(known)
