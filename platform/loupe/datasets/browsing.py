"""Looking at datasets: which records match, how many there are of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from loupe.datasets.models import (
    IMPORT_OPEN,
    Dataset,
    DatasetVersion,
    Import,
    Record,
    RecordClass,
    RecordState,
    Split,
)

NO_SPLIT = "none"
"""What filters call records whose split the next version decides."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list of records is narrowed to; empty fields do not narrow.

    Attributes:
        split: a `Split`, or `NO_SPLIT`.
        label: records that have a label of this class.
        empty: records that are labelled and have no label: free of what is looked for.
        name_contains: part of the name, whatever its case.
    """

    state: str = ""
    split: str = ""
    group: str = ""
    label: str = ""
    empty: bool = False
    name_contains: str = ""


def records(dataset: Dataset, filters: Filters) -> "QuerySet[Record]":
    """The records of `dataset` that match, in no order; removed ones only where they are asked
    for."""
    rows = Record.objects.filter(dataset=dataset)
    if filters.state:
        rows = rows.filter(state=filters.state)
    else:
        rows = rows.exclude(state=RecordState.REMOVED)
    if filters.split:
        rows = rows.filter(split="" if filters.split == NO_SPLIT else filters.split)
    if filters.group:
        rows = rows.filter(group=filters.group)
    if filters.label:
        rows = rows.filter(
            pk__in=RecordClass.objects.filter(dataset=dataset, name=filters.label).values("record")
        )
    if filters.empty:
        rows = rows.filter(state=RecordState.LABELLED, classes__isnull=True)
    if filters.name_contains:
        rows = rows.filter(name__icontains=filters.name_contains)
    return rows


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A dataset in numbers.

    Attributes:
        states: records by state.
        splits: records by split; those without one under `NO_SPLIT`.
        classes: labels by class, most first.
        groups: different lots, boards or parts.
    """

    states: Mapping[str, int] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    groups: int = 0

    @property
    def total(self) -> int:
        """All records that were not removed."""
        return sum(self.states.values()) - self.states.get(RecordState.REMOVED, 0)

    @property
    def labelled(self) -> int:
        """Records a person has labelled, or that came with labels."""
        return self.states.get(RecordState.LABELLED, 0)

    @property
    def todo(self) -> int:
        """Records that wait to be labelled."""
        return self.states.get(RecordState.TODO, 0)

    @property
    def skipped(self) -> int:
        """Records that are left out."""
        return self.states.get(RecordState.SKIPPED, 0)

    @property
    def labels(self) -> int:
        """All labels."""
        return sum(self.classes.values())


def summary(dataset: Dataset) -> Summary:
    """The dataset's numbers; two queries, however many records it has."""
    there = ~Q(state=RecordState.REMOVED)
    counts = Record.objects.filter(dataset=dataset).aggregate(
        **{f"state_{state}": Count("pk", filter=Q(state=state)) for state in RecordState.values},
        **{f"split_{split}": Count("pk", filter=there & Q(split=split)) for split in Split.values},
        **{f"split_{NO_SPLIT}": Count("pk", filter=there & Q(split=""))},
        groups=Count("group", distinct=True, filter=there & ~Q(group="")),
    )
    classes = (
        RecordClass.objects.filter(dataset=dataset)
        .exclude(record__state=RecordState.REMOVED)
        .values_list("name")
        .annotate(total=Sum("count"))
        .order_by("-total", "name")
    )
    return Summary(
        states={state: counts[f"state_{state}"] for state in RecordState.values},
        splits={name: counts[f"split_{name}"] for name in (*Split.values, NO_SPLIT)},
        classes=dict(classes),
        groups=counts["groups"],
    )


def listed(rows: "QuerySet[Dataset]") -> "QuerySet[Dataset]":
    """`rows` with what a list shows of each: ``total``, ``labelled``, ``newest`` (the number of the
    newest version) and ``importing``, as subqueries that use an index each."""
    there = Record.objects.exclude(state=RecordState.REMOVED)
    from_records = there.filter(dataset=OuterRef("pk")).order_by()
    per_dataset = from_records.values("dataset").annotate(count=Count("pk")).values("count")
    labelled = (
        from_records.filter(state=RecordState.LABELLED)
        .values("dataset")
        .annotate(count=Count("pk"))
        .values("count")
    )
    newest = DatasetVersion.objects.filter(dataset=OuterRef("pk")).order_by("-number")
    importing = Import.objects.filter(dataset=OuterRef("pk"), state__in=IMPORT_OPEN)
    return rows.annotate(
        total=Coalesce(Subquery(per_dataset), 0),
        labelled=Coalesce(Subquery(labelled), 0),
        newest=Subquery(newest.values("number")[:1]),
        importing=Exists(importing),
    )
