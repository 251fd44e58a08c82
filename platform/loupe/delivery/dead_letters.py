"""Deliveries that were given up: looked through, sent again, or put aside, one or many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import models, transaction
from django.db.models import Count, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit import services as audit
from loupe.delivery.errors import WebhookInvalid
from loupe.delivery.fan_out import GIVE_UP_AFTER
from loupe.delivery.models import Attempt, Delivery

MOST = 10_000
"""Dead letters that one call moves."""
_ACTION = Action.MANAGE_WEBHOOKS
State = Delivery.State


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which dead letters; what is left empty does not narrow."""

    webhook_id: UUID | None = None
    kind: str = ""
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Dead letters whose last attempt failed alike."""

    reason: str
    count: int


def listing(
    actor: Actor, project: Project, chosen: Chosen | None = None
) -> "models.QuerySet[Delivery]":
    """The project's dead letters with their attempts, newest first."""
    require(actor, _ACTION, project)
    rows = _rows(project, chosen or Chosen())
    return rows.select_related("webhook", "change").prefetch_related("attempts").order_by("-pk")


def count(project: Project) -> int:
    """How many dead letters a project has."""
    return _rows(project, Chosen()).count()


def causes(actor: Actor, project: Project, chosen: Chosen | None = None) -> list[Cause]:
    """Why they were given up, the most frequent cause first: at most ten."""
    require(actor, _ACTION, project)
    last = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-pk").values("error")[:1]
    found = (
        _rows(project, chosen or Chosen())
        .annotate(reason=Subquery(last))
        .values("reason")
        .annotate(number=Count("pk"))
        .order_by("-number", "reason")[:10]
    )
    return [Cause(reason=row["reason"] or "–", count=row["number"]) for row in found]


@transaction.atomic
def replay(actor: Actor, project: Project, chosen: Chosen) -> int:
    """Send them again, each with another day to arrive; returns how many.

    Those of webhooks that are switched off stay where they are.

    Raises:
        NotVisible, Denied: the actor may not manage webhooks here.
        WebhookInvalid: none of them can be sent.
    """
    require(actor, _ACTION, project)
    now = timezone.now()
    ids = _ids(_rows(project, chosen).filter(webhook__enabled=True))
    moved = _move(
        ids,
        state=State.PENDING,
        next_attempt_at=now,
        give_up_at=now + GIVE_UP_AFTER,
        lease_until=None,
    )
    if not moved:
        raise WebhookInvalid(
            _("There is nothing to send again: no dead letter matches, or their webhook is off."),
            code="nothing_to_do",
        )
    _note(actor, project, "webhook.dead_letters_replayed", chosen, moved)
    return moved


@transaction.atomic
def discard(actor: Actor, project: Project, chosen: Chosen) -> int:
    """Put them aside for good; their history stays. Returns how many.

    Raises:
        NotVisible, Denied: the actor may not manage webhooks here.
        WebhookInvalid: there is none.
    """
    require(actor, _ACTION, project)
    moved = _move(_ids(_rows(project, chosen)), state=State.DISCARDED)
    if not moved:
        raise WebhookInvalid(
            _("There is nothing to put aside: no dead letter matches."), code="nothing_to_do"
        )
    _note(actor, project, "webhook.dead_letters_discarded", chosen, moved)
    return moved


def _rows(project: Project, chosen: Chosen) -> "models.QuerySet[Delivery]":
    rows = Delivery.objects.filter(webhook__project=project, state=State.GIVEN_UP)
    if chosen.webhook_id is not None:
        rows = rows.filter(webhook=chosen.webhook_id)
    if chosen.kind:
        rows = rows.filter(change__kind=chosen.kind)
    if chosen.ids is not None:
        rows = rows.filter(pk__in=chosen.ids)
    return rows


def _ids(rows: "models.QuerySet[Delivery]") -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:MOST])


def _move(ids: Sequence[int], **changes: object) -> int:
    """Change those that are still given up; SQLite takes so many values at a time."""
    moved = 0
    for start in range(0, len(ids), 500):
        part = Delivery.objects.filter(pk__in=ids[start : start + 500], state=State.GIVEN_UP)
        moved += part.update(**changes)
    return moved


def _note(actor: Actor, project: Project, action: str, chosen: Chosen, moved: int) -> None:
    told = {
        "count": moved,
        "webhook": str(chosen.webhook_id) if chosen.webhook_id else None,
        "kind": chosen.kind or None,
        "deliveries": list(chosen.ids[:100]) if chosen.ids is not None else None,
    }
    audit.record(actor, project, action, f"project:{project.slug}", told)
