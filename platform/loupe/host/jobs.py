"""Jobs and why items of them failed, for the pages and services of apps."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor, visible
from loupe.intake.models import Channel
from loupe.jobs.models import ItemState, Job

__all__ = ["Failure", "Job", "failures", "find", "named", "of_files"]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An item that has no result: where in its job, of which input, and why."""

    position: int
    input_name: str
    code: str
    message: str


def find(actor: Actor, project: Project, app: str, job_id: uuid.UUID) -> Job:
    """A job of the app in the project.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    rows = visible(Job.objects.filter(project=project, app=app), actor)
    found = rows.select_related("submission", "provenance__model_version__model").filter(pk=job_id)
    job = found.first()
    if job is None:
        raise NotVisible(_("There is no such job that you can see."))
    return job


def named(job_id: uuid.UUID) -> Job | None:
    """A job, for what the app itself does by the clock; None once it was deleted."""
    return Job.objects.filter(pk=job_id).first()


def of_files(actor: Actor, project: Project, app: str) -> "QuerySet[Job]":
    """Jobs on files, newest first; synchronous calls are none."""
    rows = visible(Job.objects.filter(project=project, app=app), actor)
    return (
        rows.exclude(submission__channel=Channel.SYNC)
        .select_related("submission", "provenance__model_version__model")
        .order_by("-created_at", "-pk")
    )


def failures(job: Job) -> Iterator[Failure]:
    """Items of the job that failed, in order."""
    rows = job.items.filter(state=ItemState.FAILED).select_related("input").order_by("position")
    for item in rows.iterator():
        yield Failure(
            position=item.position,
            input_name=item.input.name if item.input else "",
            code=item.error_code,
            message=item.error,
        )
