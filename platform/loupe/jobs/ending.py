"""Closing jobs whose items all ended."""

import uuid
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.jobs.models import Item, ItemState, Job, JobState

OPEN = (JobState.QUEUED, JobState.RUNNING)
_UNENDED = Item.objects.filter(job=OuterRef("pk"), state__in=[ItemState.QUEUED, ItemState.LEASED])


def end_if_finished(job_ids: Iterable[uuid.UUID]) -> int:
    """Mark those of the jobs as done that have no queued or leased item left.

    Returns how many were. Safe to call from any number of processes: one of them ends the job.
    """
    ended = 0
    now = timezone.now()
    finished = Job.objects.filter(pk__in=list(job_ids), state__in=OPEN).exclude(Exists(_UNENDED))
    for job in finished.select_related("project"):
        with transaction.atomic():
            mine = (
                Job.objects.filter(pk=job.pk, state__in=OPEN)
                .exclude(Exists(_UNENDED))
                .update(state=JobState.DONE, started_at=Coalesce("started_at", now), ended_at=now)
            )
            if mine:
                counts = Item.objects.filter(job=job).aggregate(
                    done=Count("pk", filter=Q(state=ItemState.DONE)),
                    failed=Count("pk", filter=Q(state=ItemState.FAILED)),
                )
                publish(job.project, Kind.JOB_DONE, job.pk, {"app": job.app, **counts})
                ended += 1
    return ended
