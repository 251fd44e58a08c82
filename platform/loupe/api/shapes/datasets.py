"""Datasets, their records, imports, versions, and what differs between two of those."""

import uuid
from datetime import datetime
from typing import Literal

from pydantic import Field

from loupe.api.shapes.base import JsonObject, Order, Paged, Shape


class DatasetOrder(Order):
    """A new dataset."""

    app: str = Field(max_length=50)
    name: str = Field(max_length=60, examples=["line-3-housings"])
    description: str = Field(default="", max_length=2000)
    about: JsonObject | None = Field(
        default=None,
        description="What holds for all of it, as the app has it.",
        examples=[{"classes": ["scratch", "pit"], "severities": {"pit": "critical"}}],
    )


class DatasetChange(Order):
    """What of a dataset shall change; fields left out stay."""

    description: str | None = Field(default=None, max_length=2000)
    about: JsonObject | None = None
    takes_corrections: Literal[True] | None = Field(
        default=None, description="Have corrections made in review come here, and nowhere else."
    )
    archived: bool | None = Field(
        default=None, description="Put it away, with `why`, or take it out again."
    )
    why: str = Field(default="", max_length=500)


class RemoveOrder(Order):
    """Records to hide, and why; or with `restore` those to bring back."""

    records: list[int] = Field(min_length=1, max_length=10_000)
    why: str = Field(default="", max_length=500)
    restore: bool = False


class RenameOrder(Order):
    """A class and what it is called from now on."""

    old: str = Field(max_length=100)
    new: str = Field(max_length=100)


class DatasetShape(Shape):
    """One dataset."""

    id: uuid.UUID
    project: str
    app: str
    name: str
    description: str
    about: JsonObject
    takes_corrections: bool
    archived_at: datetime | None
    records: int
    labelled: int
    newest_version: int | None
    created_at: datetime


class DatasetDetail(DatasetShape):
    """A dataset in numbers."""

    states: dict[str, int] = Field(description="records by state: todo, labelled, skipped, removed")
    splits: dict[str, int] = Field(description="records by split; `none` have not got one")
    classes: dict[str, int] = Field(description="labels by class")
    groups: int = Field(description="different lots, boards or parts")


class DatasetPage(Paged):
    """One page of datasets, newest first."""

    datasets: list[DatasetShape]


class RecordShape(Shape):
    """One input with its labels as they are now."""

    id: int
    name: str
    sha256: str
    media_type: str
    size: int = Field(description="bytes")
    group: str
    split: str
    state: str
    labels: JsonObject | None
    revision: int
    result: int | None = Field(description="the result it came from, if it did")
    changed_by: str
    changed_at: datetime | None


class RecordPage(Paged):
    """One page of records, newest first."""

    records: list[RecordShape]


class LabelsOrder(Order):
    """New labels of one record."""

    labels: JsonObject | None = Field(description="as the app has them; null takes all away")
    expected_revision: int = Field(ge=0, description="the revision that was seen")


class ArrangeOrder(Order):
    """Where records belong. Records of one group always share a split."""

    records: list[int] = Field(min_length=1, max_length=20_000)
    split: Literal["", "train", "val", "test"] | None = None
    group: str | None = Field(default=None, max_length=100)


class ArrangeAnswer(Shape):
    """How many records changed, those of their groups included."""

    changed: int


class RefusedFile(Shape):
    """A file that cannot be used."""

    name: str
    code: str
    message: str


class AddedAnswer(Shape):
    """What came of files that were sent."""

    added: int
    present: list[str] = Field(description="files whose bytes the dataset had already")
    refused: list[RefusedFile]


class ImportShape(Shape):
    """An archive on its way in. Its records appear all at once when it is done."""

    id: uuid.UUID
    dataset: uuid.UUID
    name: str
    layout: str = Field(description="as recognised; empty before")
    state: str
    phase: str = Field(description="unpacking, reading, storing, adding")
    done: int
    total: int
    note: str = Field(description="why it waits, where it does")
    counts: JsonObject = Field(description="what came of it; problems by code")
    error_code: str
    error: str
    created_at: datetime
    ended_at: datetime | None


class ImportPage(Paged):
    """Imports, newest first."""

    imports: list[ImportShape]


class ProblemShape(Shape):
    """One thing that was wrong with an archive."""

    file: str
    line: int = Field(description="from 1; 0 where it is about no line")
    code: str
    reason: str
    fatal: bool = Field(description="it cost a record its labels, or kept it out")


class ProblemPage(Paged):
    """The problems of an import, newest first."""

    problems: list[ProblemShape]


class VersionOrder(Order):
    """How to freeze the dataset."""

    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    shares: dict[str, float] | None = Field(
        default=None, examples=[{"train": 0.7, "val": 0.2, "test": 0.1}]
    )
    note: str = Field(default="", max_length=300)


class DatasetVersionShape(Shape):
    """An immutable list of records."""

    number: int
    dataset: uuid.UUID
    sha256: str = Field(description="of the list: equal lists are equal")
    about: JsonObject
    counts: JsonObject
    note: str
    created_by: str
    created_at: datetime


class DatasetVersionPage(Paged):
    """Versions, newest first."""

    versions: list[DatasetVersionShape]


class ChangedShape(Shape):
    """A record that differs."""

    name: str
    kind: str = Field(description="added, removed, replaced, relabelled, moved")
    by_class: dict[str, int] = Field(description="labels that came (positive) or went")
    split_before: str
    split_after: str
    group_before: str
    group_after: str


class DifferenceShape(Shape):
    """What changed from one version to another. At most 1,000 records are listed."""

    older: int
    newer: int
    counts: dict[str, int]
    labels: dict[str, int] = Field(description="labels that came or went, by class")
    about_changed: bool
    records: list[ChangedShape]
    truncated: bool
