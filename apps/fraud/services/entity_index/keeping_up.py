"""Brings the index up to what was answered: by workers behind it, by readers before they look.

A group of notes is merged once and added in short steps, each one transaction that
also moves the group on. Whoever dies loses a step and nothing else; two who work on one group take
turns. SQLite's waiting writers look seldom and have no queue, so steps leave room between them.
"""

import time
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum

from apps.fraud.models import IndexGroup, Unindexed
from apps.fraud.services import wakeups
from apps.fraud.services.entity_index import notes, writing
from apps.fraud.services.entity_index.merging import Merged, merged

MOST_TOGETHER = 20_000
"""Transactions merged at once, and held in memory for it."""
MOST_NOTES = 5_000
STEP, LONG_STEP = 250, 2_000
"""Rows in one transaction: so few that a lone payment need not wait long for its turn; and where so
much waits that steps of that size would never end."""
MANY = 10_000
"""Transactions that wait from which on steps are long."""
TURN_OF_OTHERS_S = 0.03
READERS = 5_000
"""Transactions that a reader adds before it looks. More are left to workers."""
READERS_S = 1.0


def waiting(project_id: UUID) -> int:
    """Transactions of a project that the index does not hold yet."""
    told = Unindexed.objects.filter(project=project_id).aggregate(rows=Sum("rows"))
    return int(told["rows"] or 0)


def catch_up(project_id: UUID) -> int:
    """Have the index hold what was answered, unless that takes long.

    Returns:
        Transactions that it does not hold yet.
    """
    left = waiting(project_id)
    if left > READERS:
        wakeups.wake_index(project_id)
    elif left:
        work(project_id, READERS_S, LONG_STEP)
        left = waiting(project_id)
    return left


def work(project_id: UUID, seconds: float, step: int = 0) -> bool:
    """Go on for a while; returns whether something is left. Safe to run several times at once.

    Args:
        step: rows in one transaction; 0: by how much waits.
    """
    until = time.monotonic() + seconds
    step = step or (LONG_STEP if waiting(project_id) > MANY else STEP)
    while (group := _group(project_id)) is not None:
        rows = _merged(group)
        while _stepped(group, rows, step):
            if time.monotonic() > until:
                return True
            if connection.vendor == "sqlite":
                time.sleep(TURN_OF_OTHERS_S)
    return False


def recover() -> None:
    """Wake workers for projects with something that waits."""
    for project_id in Unindexed.objects.values_list("project", flat=True).distinct():
        wakeups.wake_index(project_id)


def _group(project_id: UUID) -> IndexGroup | None:
    """The notes that are being added, or the oldest that wait; None: there are none."""
    rows = IndexGroup.objects.filter(project=project_id)
    if (found := rows.first()) is not None:
        return found
    chosen = _oldest(project_id)
    if not chosen:
        return None
    # Where somebody else began one meanwhile, that is gone on with.
    IndexGroup.objects.bulk_create(
        [IndexGroup(project_id=project_id, notes=chosen)], ignore_conflicts=True
    )
    return rows.first()


def _oldest(project_id: UUID) -> list[int]:
    """Ids of notes of one shape."""
    told = Unindexed.objects.filter(project=project_id).order_by("pk")
    chosen: list[int] = []
    total, first = 0, ""
    for pk, rows, shape in told.values_list("pk", "rows", "shape")[:MOST_NOTES]:
        first = first or shape
        total += rows
        if shape != first or (chosen and total > MOST_TOGETHER):
            break
        chosen.append(pk)
    return chosen


def _merged(group: IndexGroup) -> Merged:
    found = list(Unindexed.objects.filter(pk__in=group.notes))
    if not found:  # somebody else has just come to its end
        return Merged(entities=(), links=())
    shape = notes.Shape.of(found[0].shape)
    return merged(group.project_id, shape, [notes.read(bytes(one.data)) for one in found])


def _stepped(group: IndexGroup, rows: Merged, step: int) -> bool:
    """One step; returns whether another one is due."""
    total = len(rows.entities) + len(rows.links)
    with transaction.atomic():
        own = IndexGroup.objects.select_for_update().filter(pk=group.pk).first()
        if own is None:
            return False
        stop = min(own.done + step, total)
        writing.write(group.project_id, rows, own.done, stop)
        if stop < total:
            own.done = stop
            own.save(update_fields=["done"])
            return True
        Unindexed.objects.filter(pk__in=own.notes).delete()
        own.delete()
    return False
