"""The reaper: what makes a lost message or a killed worker a delay and nothing more.

`recover` runs every few seconds from beat, and whenever a worker starts. Any number may run at
once.
"""

import uuid
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.jobs import wakeups
from loupe.jobs.claims import due
from loupe.jobs.ending import end_if_finished
from loupe.jobs.limits import CLAIM_SIZE, WAKE_AGAIN_SECONDS
from loupe.jobs.models import OPEN, Item, ItemState, Job
from loupe.jobs.places import worker_apps

LOST_AT_ONCE = 2000
"""Expired leases taken back in one transaction."""


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What one run of the reaper did."""

    requeued: int
    given_up: int
    woken: int
    ended: int


def recover() -> Recovered:
    """Take back expired leases, end finished jobs, wake workers for what waits."""
    lost = take_back_expired()
    ended = end_if_finished(Job.objects.filter(state__in=OPEN).values_list("pk", flat=True))
    woken = _wake(lost.job_ids)
    return Recovered(requeued=lost.requeued, given_up=lost.given_up, woken=woken, ended=ended)


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Items whose worker died."""

    requeued: int
    given_up: int
    job_ids: frozenset[uuid.UUID]


def take_back_expired() -> Lost:
    """Queue items again whose lease ran out."""
    return _take_back(Q(lease_until__lt=timezone.now()))


def take_back(token: uuid.UUID) -> Lost:
    """Queue the items of one claim again, because the process that held them is gone."""
    return _take_back(Q(lease_token=token, lease_until__isnull=False))


@transaction.atomic
def _take_back(which: Q) -> Lost:
    """A worker that dies with one item in hand is held against that item; one that dies with
    several makes each a suspect, to be worked on alone. An item that was alone with a dying worker
    `MAX_ATTEMPTS` times fails."""
    now = timezone.now()
    lost = list(
        Item.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("job__project", "input")
        .filter(which, state=ItemState.LEASED)
        .order_by("lease_until")[:LOST_AT_ONCE]
    )
    company = Counter(item.lease_token for item in lost)
    alone = [item for item in lost if company[item.lease_token] == 1]
    hopeless = [item for item in alone if item.losses + 1 >= settings.MAX_ATTEMPTS]
    hopeless_ids = {item.pk for item in hopeless}
    free = {"lease_token": None, "lease_until": None}
    Item.objects.filter(pk__in=[item.pk for item in alone if item.pk not in hopeless_ids]).update(
        losses=F("losses") + 1
    )
    Item.objects.filter(pk__in=[item.pk for item in lost if item.pk not in hopeless_ids]).update(
        state=ItemState.QUEUED, suspect=True, **free
    )
    for item in hopeless:
        name = item.input.name if item.input else f"Item {item.pk}"
        Item.objects.filter(pk=item.pk).update(
            state=ItemState.FAILED,
            losses=F("losses") + 1,
            ended_at=now,
            note="",
            error_code="worker_lost",
            error=f"The process that worked on {name} died {settings.MAX_ATTEMPTS} times while it "
            "had nothing else in hand. Retry the item, or send the file to whoever looks after "
            "this installation.",
            **free,
        )
    for item in hopeless:
        told = {"app": item.job.app, "job": str(item.job_id), "code": "worker_lost"}
        publish(item.job.project, Kind.ITEM_FAILED, item.pk, told)
    return Lost(
        requeued=len(lost) - len(hopeless),
        given_up=len(hopeless),
        job_ids=frozenset(item.job_id for item in lost),
    )


def _wake(lost: Collection[uuid.UUID]) -> int:
    """Wake workers for jobs that lost theirs, and for those with due items that nobody claimed
    from and nobody was woken for lately; for how many the broker took it."""
    now = timezone.now()
    lately = now - timedelta(seconds=WAKE_AGAIN_SECONDS)
    quiet = Q(woken_at__isnull=True) | Q(woken_at__lt=lately)
    unclaimed = Q(claimed_at__isnull=True) | Q(claimed_at__lt=lately)
    still_open = Job.objects.filter(state__in=OPEN, app__in=worker_apps())
    waiting = dict(
        due(now)
        .filter(job__in=list(still_open.values_list("pk", flat=True)))
        .values_list("job")
        .annotate(count=Count("pk"))
        .order_by()
    )
    idle = set(
        Job.objects.filter(quiet, unclaimed, pk__in=list(waiting)).values_list("pk", flat=True)
    )
    woken = 0
    for job_id in idle | (set(lost) & set(waiting)):
        blocks = -(-waiting[job_id] // CLAIM_SIZE)
        if not wakeups.send(job_id, min(blocks, settings.CELERY_WORKER_CONCURRENCY)):
            break
        woken += 1
    return woken
