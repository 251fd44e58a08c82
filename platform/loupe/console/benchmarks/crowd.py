"""A project with many results, written straight into the database for benchmarks of pages."""

import itertools
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from loupe.accounts.models import Membership, Project, Role
from loupe.blobs.models import Blob
from loupe.contract.app import DomainApp
from loupe.intake.models import Channel, Input, Submission
from loupe.jobs.models import Decision, Item, ItemState, Job, JobState, Result
from loupe.jobs.provenance import shared

CHUNK = 2_000
DAYS = timedelta(days=30)
"""The results are spread evenly over so many days, up to now."""
TIMES_MS = {"queue": 4.0, "decode": 2.0, "infer": 30.0, "decide": 0.1, "store": 1.0}


def person(project: Project) -> User:
    """A reviewer of the project."""
    user = User.objects.create_user("bench")
    Membership.objects.create(project=project, user=user, role=Role.REVIEWER)
    return user


def fill(project: Project, app: type[DomainApp], count: int) -> Job:
    """One finished job of `count` results made of the app's examples, named line/000000.png on."""
    now = timezone.now()
    submission = Submission.objects.create(
        project=project, app=app.slug, channel=Channel.REST, name=f"{count} examples"
    )
    job = Job.objects.create(
        project=project,
        submission=submission,
        app=app.slug,
        provenance=shared(app.slug, None, None),
        state=JobState.DONE,
        started_at=now,
        ended_at=now,
    )
    blob, _ = Blob.objects.get_or_create(
        sha256="0" * 64, defaults={"size": 1, "media_type": "image/png"}
    )
    point = app.operating_point_schema()
    drafts = [(example, app.decide(example, point)) for example in app.examples()]
    endless = itertools.cycle(drafts)
    for start in range(0, count, CHUNK):
        numbers = range(start, min(start + CHUNK, count))
        inputs = Input.objects.bulk_create(
            Input(submission=submission, name=f"line/{number:06d}.png", blob=blob)
            for number in numbers
        )
        items = Item.objects.bulk_create(
            Item(job=job, input=given, position=number, state=ItemState.DONE, ended_at=now)
            for number, given in zip(numbers, inputs, strict=True)
        )
        chosen = list(itertools.islice(endless, len(items)))
        results = Result.objects.bulk_create(
            Result(
                item=item,
                project=project,
                job=job,
                app=app.slug,
                provenance=job.provenance,
                data=example.model_dump(mode="json"),
                times_ms=TIMES_MS,
                outcome=draft.outcome,
                label=draft.label,
                score=draft.score,
                created_at=now - DAYS * (1 - item.position / count),
            )
            for item, (example, draft) in zip(items, chosen, strict=True)
        )
        Decision.objects.bulk_create(
            Decision(
                result=result,
                outcome=draft.outcome,
                score=draft.score,
                label=draft.label,
                reasons=[reason.model_dump() for reason in draft.reasons],
            )
            for result, (_, draft) in zip(results, chosen, strict=True)
        )
    return job
