"""The order in which a dataset's records are labelled, and how far it has come."""

from dataclasses import dataclass

from django.db.models import Count, Q

from loupe.accounts.policy import Action, Actor, require
from loupe.annotation.presence import taken
from loupe.datasets.models import Dataset, Record, RecordState


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a record stands. The ids are of its neighbours, None at the ends.

    Attributes:
        position: from 1.
        next_todo: the next one to label that nobody else has open, from here on and then from the
            start; one that somebody has open only where no other is left.
        counts: records of the dataset by state; `total` is their sum.
    """

    position: int
    previous: int | None
    next: int | None
    next_todo: int | None
    counts: dict[str, int]
    total: int


def place(actor: Actor, record: Record) -> Place:
    """Where `record` stands in its dataset; a constant number of queries.

    Raises:
        NotVisible, Denied: the actor may not see the dataset.
    """
    dataset = record.dataset
    require(actor, Action.VIEW, dataset.project)
    rows = Record.objects.filter(dataset=dataset).exclude(state=RecordState.REMOVED)
    ids = rows.values_list("pk", flat=True)
    counts = rows.aggregate(
        position=Count("pk", filter=Q(pk__lte=record.pk)),
        **{
            state.value: Count("pk", filter=Q(state=state))
            for state in RecordState
            if state != RecordState.REMOVED
        },
    )
    position = counts.pop("position")
    return Place(
        position=position,
        previous=ids.filter(pk__lt=record.pk).order_by("-pk").first(),
        next=ids.filter(pk__gt=record.pk).order_by("pk").first(),
        next_todo=next_todo(actor, dataset, after=record.pk),
        counts=counts,
        total=sum(counts.values()),
    )


def next_todo(actor: Actor, dataset: Dataset, after: int = 0) -> int | None:
    """The id of the next record to label other than `after`, or None: all are done."""
    todo = Record.objects.filter(dataset=dataset, state=RecordState.TODO).exclude(pk=after)
    ids = todo.order_by("pk").values_list("pk", flat=True)
    for free in (ids.exclude(pk__in=list(taken(actor, dataset))), ids):
        found = free.filter(pk__gt=after).first() or free.first()
        if found is not None:
            return found
    return None


def first(actor: Actor, dataset: Dataset) -> int | None:
    """Where labelling starts: the next record to label, else the first one, else None."""
    require(actor, Action.VIEW, dataset.project)
    return (
        next_todo(actor, dataset)
        or Record.objects.filter(dataset=dataset)
        .exclude(state=RecordState.REMOVED)
        .order_by("pk")
        .values_list("pk", flat=True)
        .first()
    )
