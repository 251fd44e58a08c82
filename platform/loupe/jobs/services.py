"""What can be done with jobs: one function per verb.

`submit` receives and starts, `start` starts what was received; `cancel`, `resume`, `retry_failed`.
How far a job is says `progress`. Every verb asks the policy module first.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.bulk import insert
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.steps import Place
from loupe.intake import facts as intake_facts
from loupe.intake import services as intake
from loupe.intake.models import Channel, Submission
from loupe.intake.sources import Source
from loupe.jobs import ending, splitting, wakeups
from loupe.jobs.errors import AlreadyStarted, JobEnded, NoJobMode, NothingToDo
from loupe.jobs.models import OPEN, UNENDED, Item, ItemState, Job, JobState
from loupe.jobs.progress import Progress, progress
from loupe.jobs.provenance import shared
from loupe.plugins import registry as apps
from loupe.registry import services as registry
from loupe.registry.models import ModelVersion

__all__ = [
    "Progress",
    "cancel",
    "progress",
    "receive",
    "resume",
    "retry_failed",
    "start",
    "submit",
]


def submit(
    actor: Actor,
    project: Project,
    app: str,
    channel: Channel,
    sources: Iterable[Source],
    name: str = "",
    model: str | None = None,
    facts: Mapping[str, str] | None = None,
) -> Job:
    """Receive files and start the work on them.

    Args:
        app: the app's slug.
        channel: how the files came.
        model: a registered model's name; None: that of the scope which `facts` name, else the
            project's default.
        facts: what the sender says of the files, by the keys of the app's facts.

    Raises:
        Denied, NotVisible: the actor may not submit here.
        LoupeError: nothing usable was sent, a fact is refused, or the model is not registered.
    """
    submission, version = receive(actor, project, app, channel, sources, name, model, facts)
    return start(actor, submission, version)


def receive(
    actor: Actor,
    project: Project,
    app: str,
    channel: Channel,
    sources: Iterable[Source],
    name: str = "",
    model: str | None = None,
    facts: Mapping[str, str] | None = None,
) -> tuple[Submission, ModelVersion | None]:
    """The first half of `submit`, for callers that commit something of their own with `start`:
    the files as a submission, and the version that shall inspect them.

    Raises:
        Denied, NotVisible, LoupeError: as `submit`.
    """
    require(actor, Action.SUBMIT, project)
    chosen = apps.get(app)
    said = intake_facts.checked(chosen, project, facts or {})
    scope = intake_facts.scope_of(chosen, said)
    version = (
        registry.resolve(actor, project, app, model, scope=scope) if chosen.needs_model else None
    )
    return intake.receive(actor, project, app, channel, sources, name, said), version


def start(actor: Actor, submission: Submission, model_version: ModelVersion | None) -> Job:
    """Start the one job of a submission. Started by two people at once, both get the same job.

    An input that was refused becomes a failed item at once, so that the job names it.

    Raises:
        AlreadyStarted: it runs already, with another model.
        NoJobMode: the app answers synchronous calls only.
        NothingToDo: the submission holds no files.
    """
    require(actor, Action.SUBMIT, submission.project)
    app = apps.get(submission.app)
    if app.steps[0].place is Place.ENGINE:
        raise NoJobMode(
            f"{app.name} takes no files: send rows to /api/v1/{app.slug}/ and it answers at once."
        )
    existing = Job.objects.filter(submission=submission).first()
    if existing is None:
        try:
            with transaction.atomic():
                return _create(submission, model_version)
        except IntegrityError:
            existing = Job.objects.get(submission=submission)
    if existing.provenance.model_version != model_version:
        raise AlreadyStarted(
            f"Submission {submission.pk} was started already as job {existing.pk} with "
            f"{existing.provenance.model_version}; send the files again to try another model."
        )
    return existing


def _create(submission: Submission, model_version: ModelVersion | None) -> Job:
    """The job's rows and its first wake-up."""
    project = submission.project
    scope = intake_facts.scope_of(apps.get(submission.app), submission.facts)
    point = registry.operating_point(model_version, project, scope) if model_version else None
    now = timezone.now()
    job = Job.objects.create(
        project=project,
        submission=submission,
        app=submission.app,
        provenance=shared(submission.app, model_version, point),
    )
    cut = splitting.cut_kinds(apps.get(submission.app))
    items = [
        Item(
            job=job,
            input=received,
            position=splitting.first_position(index) if cut else index,
            ordered=received.kind in cut,
            options=splitting.uncut() if received.kind in cut else {},
            state=ItemState.FAILED if received.error_code else ItemState.QUEUED,
            error_code=received.error_code,
            error=received.error,
            ended_at=now if received.error_code else None,
        )
        for index, received in enumerate(submission.inputs.order_by("pk").iterator())
    ]
    if not items:
        raise NothingToDo(f"Submission {submission.pk} holds no files: send at least one.")
    insert(items)
    waiting = sum(item.state == ItemState.QUEUED for item in items)
    publish(project, Kind.JOB_QUEUED, job.pk, {"app": job.app, "items": len(items)})
    if waiting:
        wakeups.send_after_commit(job.pk, waiting)
    else:
        ending.end_if_finished([job.pk])
        job.refresh_from_db()
    return job


def cancel(actor: Actor, job: Job) -> Job:
    """Stop a job. Results that exist are kept; items not begun are cancelled at once, items in
    work are dropped by their worker.

    Raises:
        JobEnded: it ended before.
    """
    require(actor, Action.CANCEL, job.project)
    now = timezone.now()
    with transaction.atomic():
        asked = Job.objects.filter(pk=job.pk, state__in=OPEN).update(
            cancel_requested_at=now, state=JobState.CANCELLED, ended_at=now
        )
        if not asked:
            job.refresh_from_db()
            raise JobEnded(f"Job {job.pk} is {job.state} already: there is nothing to cancel.")
        Item.objects.filter(job=job, state__in=UNENDED).update(
            state=ItemState.CANCELLED,
            ended_at=now,
            lease_token=None,
            lease_until=None,
            not_before=None,
            note="",
        )
        publish(job.project, Kind.JOB_CANCELLED, job.pk, {"app": job.app})
    job.refresh_from_db()
    return job


def retry_failed(
    actor: Actor,
    job: Job,
    *,
    codes: Sequence[str] = (),
    item_ids: Sequence[int] = (),
) -> int:
    """Queue failed items again: all, those that failed with one of `codes`, or those named.

    Inputs that were refused when they were received have no bytes to try again and stay failed.
    Returns how many items were queued.

    Raises:
        NothingToDo: no failed item matches.
    """
    require(actor, Action.SUBMIT, job.project)
    failed = Item.objects.filter(job=job, state=ItemState.FAILED, input__blob__isnull=False)
    if codes:
        failed = failed.filter(error_code__in=list(codes))
    if item_ids:
        failed = failed.filter(pk__in=list(item_ids))
    count = _queue_again(job, failed)
    if not count:
        raise NothingToDo(
            f"Job {job.pk} has no failed item that could be tried again and matches "
            f"codes={list(codes)} items={list(item_ids)}."
        )
    return count


def resume(actor: Actor, job: Job) -> int:
    """Go on with a cancelled job: its cancelled items are queued again, results stay as they are.

    Raises:
        NothingToDo: the job has no cancelled item.
    """
    require(actor, Action.SUBMIT, job.project)
    count = _queue_again(job, Item.objects.filter(job=job, state=ItemState.CANCELLED))
    if not count:
        raise NothingToDo(f"Job {job.pk} is {job.state}: no item of it was cancelled.")
    return count


@transaction.atomic
def _queue_again(job: Job, items: "QuerySet[Item]") -> int:
    """Queue ended items as if they were new and open the job; how many there were."""
    Job.objects.select_for_update().get(pk=job.pk)
    count = Item.objects.filter(pk__in=items.values("pk")).update(
        state=ItemState.QUEUED,
        attempts=0,
        suspect=False,
        losses=0,
        postponements=0,
        not_before=timezone.now(),
        progress=0,
        note="",
        error="",
        error_code="",
        ended_at=None,
    )
    if count:
        Job.objects.filter(pk=job.pk).update(
            state=JobState.RUNNING, ended_at=None, cancel_requested_at=None
        )
        publish(job.project, Kind.JOB_RETRIED, job.pk, {"app": job.app, "items": count})
        wakeups.send_after_commit(job.pk, count)
    return count


def find(actor: Actor, job_id: uuid.UUID) -> Job:
    """The job with this id, if the actor may see it.

    Raises:
        NotVisible: it does not exist for this actor.
    """
    found = visible(Job.objects.select_related("project", "submission"), actor).filter(pk=job_id)
    job = found.first()
    if job is None:
        raise NotVisible(f"There is no job {job_id} that you can see.")
    return job
