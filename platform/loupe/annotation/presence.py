"""Who else has a record open: told to both, so that they do not label the same picture twice.

Saving never depends on it; two people who do save at once are told apart by the record's revision.
"""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from loupe.accounts.policy import Action, Actor, require
from loupe.annotation.models import Presence
from loupe.datasets.models import Dataset, Record

SEEN_SECONDS = 25
"""A page says every ten seconds that it is open; two missed words and it counts as closed."""


def arrive(actor: Actor, record: Record) -> list[User]:
    """Say that the actor has the record open. Returns the others who have, by name.

    Raises:
        NotVisible, Denied: the actor may not see the record.
    """
    require(actor, Action.VIEW, record.dataset.project)
    if actor.user is not None:
        now = timezone.now()
        with transaction.atomic():
            Presence.objects.filter(seen_at__lt=now - timedelta(minutes=10)).delete()
            Presence.objects.filter(user=actor.user).exclude(record=record).delete()
            Presence.objects.bulk_create(
                [Presence(record=record, user=actor.user, seen_at=now)],
                update_conflicts=True,
                unique_fields=["record", "user"],
                update_fields=["seen_at"],
            )
    return others(actor, record)


def others(actor: Actor, record: Record) -> list[User]:
    """Who else has the record open, by name."""
    there = _present().filter(record=record).exclude(user=actor.user).select_related("user")
    return [one.user for one in there.order_by("user__username")]


def leave(actor: Actor, record: Record) -> None:
    """Say that the actor has closed the record."""
    if actor.user is not None:
        Presence.objects.filter(record=record, user=actor.user).delete()


def taken(actor: Actor, dataset: Dataset) -> QuerySet[Presence, int]:
    """The ids of records of the dataset that somebody else has open."""
    return (
        _present()
        .filter(record__dataset=dataset)
        .exclude(user=actor.user)
        .values_list("record_id", flat=True)
    )


def _present() -> QuerySet[Presence]:
    since = timezone.now() - timedelta(seconds=SEEN_SECONDS)
    return Presence.objects.filter(seen_at__gte=since)
