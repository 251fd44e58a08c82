"""A result of the dummy app as a finished job leaves it."""

from django.utils import timezone

from loupe.accounts.models import Project
from loupe.intake.models import Channel, Input, Submission
from loupe.jobs.models import Decision, Item, ItemState, Job, JobState, Provenance, Result


def stored_result(project: Project, outcome: str = "high", name: str = "a.json") -> Result:
    """A job of one item with its result and decision."""
    submission = Submission.objects.create(
        project=project, app="dummy_app", channel=Channel.WEB, name="night"
    )
    received = Input.objects.create(submission=submission, name=name, kind="reading")
    provenance = Provenance.objects.create(app="dummy_app", loupe_version="0")
    job = Job.objects.create(
        project=project,
        submission=submission,
        app="dummy_app",
        provenance=provenance,
        state=JobState.DONE,
        ended_at=timezone.now(),
    )
    item = Item.objects.create(job=job, input=received, position=0, state=ItemState.DONE)
    result = Result.objects.create(
        item=item,
        project=project,
        job=job,
        app="dummy_app",
        provenance=provenance,
        data={"schema_version": 1, "value": 12.5, "scaled": 25.0},
        times_ms={"queue": 1.0},
        outcome=outcome,
        score=25.0,
        created_at=timezone.now(),
    )
    Decision.objects.create(result=result, outcome=outcome, score=25.0)
    return result
