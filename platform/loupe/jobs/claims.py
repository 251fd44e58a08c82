"""Claiming items under a lease, so that no two workers work on the same one.

A claim gives all its items one new `lease_token`. Whoever stores results shows the token: work
whose lease was lost, because it expired or the job was cancelled, changes nothing.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.payload import JsonValue
from loupe.jobs.models import OPEN, Item, ItemState, Job, JobState


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Items of one job that are this process's while their lease lasts and is renewed.

    `about` is what their app says of the project, looked up before they are begun.
    """

    token: uuid.UUID
    job: Job
    items: tuple[Item, ...]
    claimed_at: datetime
    about: "About | None" = None

    @property
    def suspect(self) -> bool:
        """Whether this is one item whose worker died before: it is to be worked on alone."""
        return any(item.suspect for item in self.items)


@dataclass(frozen=True, kw_only=True)
class About:
    """What a live service is told beside an item's payload, or why that cannot be told."""

    told: Mapping[str, JsonValue] = field(default_factory=dict)
    trouble: Exception | None = None


def due(now: datetime) -> "QuerySet[Item]":
    """Queued items that may be claimed now."""
    return Item.objects.filter(
        Q(not_before__isnull=True) | Q(not_before__lte=now), state=ItemState.QUEUED
    )


def claim(apps: Collection[str], limit: int, *, suspects: bool = True) -> Claim | None:
    """Claim up to `limit` items of one job of these apps; None: there is nothing to do.

    Jobs take turns: the one with the fewest items in work comes first, then the one that was
    served longest ago. A suspect, an item whose worker died before, is claimed alone, so that it
    cannot take others with it again; a process that has other items in work asks for none.
    """
    for job_id in _candidates(apps, suspects):
        claimed = _claim_of(job_id, limit, suspects)
        if claimed is not None:
            return claimed
    return None


def renew(claim: Claim) -> set[int]:
    """Extend the lease of what is left of a claim; returns the ids of the items still held."""
    held = Item.objects.filter(
        pk__in=[item.pk for item in claim.items],
        lease_token=claim.token,
        state=ItemState.LEASED,
    )
    held.update(lease_until=_lease_end(timezone.now()))
    return set(held.values_list("pk", flat=True))


def hand_back(claim: Claim, item_ids: Collection[int]) -> int:
    """Queue items again that were claimed and not begun; nothing is held against them."""
    return Item.objects.filter(
        pk__in=list(item_ids), lease_token=claim.token, state=ItemState.LEASED
    ).update(
        state=ItemState.QUEUED,
        lease_token=None,
        lease_until=None,
        attempts=F("attempts") - 1,
    )


def _candidates(apps: Collection[str], suspects: bool) -> list[uuid.UUID]:
    """Open jobs with due items, the one whose turn it is first."""
    queued = _open_to(due(timezone.now()), suspects)
    leased = (
        Item.objects.filter(job=OuterRef("pk"), state=ItemState.LEASED)
        .order_by()
        .values("job")
        .annotate(count=Count("pk"))
        .values("count")
    )
    mine = queued.filter(job=OuterRef("pk"))
    loose, in_order = Exists(mine.filter(ordered=False)), Exists(mine.filter(ordered=True))
    return list(
        Job.objects.filter(loose | (in_order & ~_held_up()), state__in=OPEN, app__in=apps)
        .annotate(in_work=Coalesce(Subquery(leased), 0))
        .order_by("in_work", F("claimed_at").asc(nulls_first=True), "created_at")
        .values_list("pk", flat=True)[:10]
    )


def _open_to(items: "QuerySet[Item]", suspects: bool) -> "QuerySet[Item]":
    return items if suspects else items.filter(suspect=False)


def _held_up() -> Exists:
    """Whether the ranges of a job wait: one of them is in work, or is to be tried again later.

    Only the first that has not ended is ever begun, so no other can be either.
    """
    waiting = Q(state=ItemState.LEASED) | Q(state=ItemState.QUEUED, not_before__gt=timezone.now())
    return Exists(Item.objects.filter(waiting, job=OuterRef("pk"), ordered=True))


def _next_range(job: Job, now: datetime, suspects: bool) -> list[int]:
    """The range whose turn it is: the first that has not ended, if it may be begun now."""
    ranges = Item.objects.filter(job=job, ordered=True)
    if ranges.filter(state=ItemState.LEASED).exists():
        return []
    first = ranges.filter(state=ItemState.QUEUED).order_by("position").first()
    if first is None or (first.not_before is not None and first.not_before > now):
        return []
    return [first.pk] if suspects or not first.suspect else []


def _claim_of(job_id: uuid.UUID, limit: int, suspects: bool) -> Claim | None:
    """Claim of one job, in one transaction. The job's row is locked first, as in every verb."""
    now = timezone.now()
    token = uuid.uuid4()
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(of=("self",))
            .select_related(
                "project",
                "submission",
                "provenance__operating_point",
                "provenance__model_version__model__project",
            )
            .filter(pk=job_id, state__in=OPEN)
            .first()
        )
        if job is None:
            return None
        queued = due(now).filter(job=job, ordered=False).order_by("position")
        chosen = list(queued.filter(suspect=False).values_list("pk", flat=True)[:limit])
        if not chosen and suspects:
            chosen = list(queued.filter(suspect=True).values_list("pk", flat=True)[:1])
        if not chosen:
            chosen = _next_range(job, now, suspects)
        if not chosen:
            return None
        Item.objects.filter(pk__in=chosen).update(
            state=ItemState.LEASED,
            lease_token=token,
            lease_until=_lease_end(now),
            attempts=F("attempts") + 1,
            not_before=None,
        )
        job.claimed_at = now
        if job.state == JobState.QUEUED:
            job.state = JobState.RUNNING
            job.started_at = now
            publish(job.project, Kind.JOB_STARTED, job.pk, {"app": job.app})
        job.save(update_fields=["claimed_at", "state", "started_at"])
        items = tuple(
            Item.objects.select_related("input__blob").filter(pk__in=chosen).order_by("position")
        )
        for item in items:
            item.job = job
    return Claim(token=token, job=job, items=items, claimed_at=now)


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)
