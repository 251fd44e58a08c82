"""Submit what an app made itself, past its own `receive`: for apps that take files over."""

import uuid
from collections.abc import Mapping
from pathlib import Path

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Actor
from loupe.contract.receiving import Delivery, NotTaken, Received, StagedFile
from loupe.intake.models import Channel, Submission
from loupe.intake.sources import Source
from loupe.jobs import services as jobs
from loupe.jobs.models import Item, Job

__all__ = [
    "Delivery", "Item", "Job", "NotTaken", "Received", "StagedFile", "Submission", "channel_of",
    "submit_file", "submitted",
]  # fmt: skip


def submit_file(
    project: Project,
    app: str,
    channel: Channel,
    path: Path,
    *,
    name: str,
    job_name: str = "",
    model: str | None = None,
    facts: Mapping[str, str] | None = None,
    actor: Actor = SYSTEM,
) -> Job:
    """Store one file as an input called `name`, and start the job on it.

    The file is moved into storage where it lies on the same disk, else copied.

    Raises:
        Denied, NotVisible: the actor may not submit here.
        LoupeError: the file is of none of the app's kinds, a fact is refused, or the model is not
            registered.
    """
    source = Source(name=name, path=path, held=True)
    return jobs.submit(actor, project, app, channel, [source], job_name or name, model, facts)


def submitted(submission_id: uuid.UUID) -> Item | None:
    """The first item of a submission, with what became of it; None: there is none."""
    rows = Item.objects.filter(job__submission_id=submission_id).order_by("position")
    return rows.select_related("result", "job").first()


def channel_of(value: str) -> Channel:
    """The host's channel of a delivery."""
    return Channel(value)
