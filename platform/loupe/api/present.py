"""Turns rows into the shapes the API answers."""

from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.db import models

from loupe.accounts.models import ApiKey
from loupe.accounts.policy import Actor
from loupe.api.shapes.results import DecisionShape, ResultShape
from loupe.api.shapes.work import (
    InputShape,
    ItemShape,
    JobDetail,
    JobShape,
    ModelUsed,
    ProgressShape,
    SubmissionShape,
)
from loupe.intake.models import Input, Submission
from loupe.jobs.models import Item, Job
from loupe.jobs.progress import Progress, progress
from loupe.jobs.results import StoredResult


def who(user: User | None, key: ApiKey | None = None) -> str:
    """How answers name the one who did something."""
    return Actor(user=user, key=key).label


def submissions() -> "models.QuerySet[Submission]":
    """Submissions with all that `submission` reads."""
    return Submission.objects.select_related("project", "sent_by_user", "sent_by_key", "job")


def submission_fields(row: Submission) -> dict[str, Any]:
    """The fields of a `SubmissionShape`."""
    job = getattr(row, "job", None)
    return {
        "id": row.pk,
        "project": row.project.slug,
        "app": row.app,
        "channel": row.channel,
        "name": row.name,
        "facts": row.facts,
        "sent_by": who(row.sent_by_user, row.sent_by_key),
        "fallback": row.fallback,
        "created_at": row.created_at,
        "job": job.pk if job is not None else None,
    }


def submission(row: Submission) -> SubmissionShape:
    """One line of the list."""
    return SubmissionShape(**submission_fields(row))


def received(row: Input) -> InputShape:
    """One file of a submission."""
    return InputShape(
        name=row.name,
        kind=row.kind,
        sha256=row.blob_id,
        size=row.blob.size if row.blob else None,
        error_code=row.error_code,
        error=row.error,
    )


def jobs() -> "models.QuerySet[Job]":
    """Jobs with all that `job` reads."""
    return Job.objects.select_related(
        "project", "submission", "provenance__model_version__model", "provenance__operating_point"
    )


def job_fields(row: Job) -> dict[str, Any]:
    """The fields of a `JobShape`."""
    made = row.provenance
    version = made.model_version
    return {
        "id": row.pk,
        "project": row.project.slug,
        "app": row.app,
        "submission": row.submission_id,
        "name": row.submission.name,
        "state": row.state,
        "model": ModelUsed(
            name=version.model.name,
            version=version.number,
            artefact_sha256=made.artefact_sha256,
            operating_point=made.operating_point.number if made.operating_point else 0,
        )
        if version
        else None,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
    }


def job(row: Job) -> JobShape:
    """One line of the list."""
    return JobShape(**job_fields(row))


def job_detail(row: Job) -> JobDetail:
    """A job with how far it is."""
    return JobDetail(**job_fields(row), progress=progress_of(progress(row)))


def progress_of(found: Progress) -> ProgressShape:
    """How far a job is."""
    return ProgressShape.model_validate(asdict(found))


def item(row: Item) -> ItemShape:
    """One unit of work."""
    result = getattr(row, "result", None)
    return ItemShape(
        id=row.pk,
        position=row.position,
        name=row.input.name if row.input else "",
        state=row.state,
        attempts=row.attempts,
        progress=row.progress,
        error_code=row.error_code,
        error=row.error,
        result=result.pk if result is not None else None,
    )


def result(found: StoredResult) -> ResultShape:
    """One result."""
    made = found.provenance
    return ResultShape(
        id=found.id,
        app=found.app,
        job=found.job_id,
        item=found.item_id,
        name=found.name,
        sha256=found.sha256,
        outcome=found.outcome,
        reviewed=found.reviewed,
        decision=DecisionShape.model_validate(found.decision.model_dump(mode="json")),
        data=found.json_data(),
        model=ModelUsed(
            name=made.model_name,
            version=made.model_version,
            artefact_sha256=made.artefact_sha256,
            operating_point=made.operating_point_version,
        ),
        times_ms=dict(found.times_ms),
        fallback=found.fallback,
        created_at=found.created_at,
    )
