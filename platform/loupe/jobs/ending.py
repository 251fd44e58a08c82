"""Closing jobs whose items all ended."""

import uuid
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.jobs.models import OPEN, UNENDED, Item, ItemState, Job, JobState

_UNENDED = Item.objects.filter(job=OuterRef("pk"), state__in=[ItemState.QUEUED, ItemState.LEASED])


def end_if_finished(job_ids: Iterable[uuid.UUID]) -> int:
    """Mark those of the jobs as done that have no queued or leased item left.

    Returns how many were. Safe to call from any number of processes: one of them ends the job.
    """
    ended = 0
    finished = Job.objects.filter(pk__in=list(job_ids), state__in=OPEN).exclude(Exists(_UNENDED))
    for job_id in finished.values_list("pk", flat=True):
        ended += _end(job_id)
    return ended


@transaction.atomic
def _end(job_id: uuid.UUID) -> bool:
    """End one job. Its row is locked before its items are looked at again: a retry that comes at
    the same moment either is seen here, or waits and opens the job again."""
    job = (
        Job.objects.select_for_update(of=("self",))
        .select_related("project")
        .filter(pk=job_id, state__in=OPEN)
        .first()
    )
    if job is None or Item.objects.filter(job=job, state__in=UNENDED).exists():
        return False
    job.state = JobState.DONE
    job.ended_at = timezone.now()
    job.started_at = job.started_at or job.ended_at
    job.save(update_fields=["state", "ended_at", "started_at"])
    counts = Item.objects.filter(job=job).aggregate(
        done=Count("pk", filter=Q(state=ItemState.DONE)),
        failed=Count("pk", filter=Q(state=ItemState.FAILED)),
    )
    publish(job.project, Kind.JOB_DONE, job.pk, {"app": job.app, **counts})
    return True
