"""What an app hears of blocks: columnar results as the host stores them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel

from loupe.contract.outcomes import DecisionColumns
from loupe.contract.results import Provenance
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.payload import JsonValue

ROW_BITS = 20
"""The id of a row of a block is ``block << ROW_BITS | row``."""

LIVE = "live"
"""The session of synchronous calls."""


@dataclass(frozen=True, kw_only=True)
class StoredBlock:
    """A columnar result as the host has just stored it; its row is not committed yet.

    Attributes:
        session: `LIVE` for a synchronous call, else the job's id as text.
        position: the item's place in its job, from 0.
        input_name: what the sender called the input.
        facts: what the sender said of the submission.
        rows, outcomes: how many rows there are, and how many of each outcome.
        provenance: the versions that made it, for people.
        model_version_id, operating_point_id: the same, as keys; None where there is none.
        operating_point: what it was decided by, by the app's `operating_point_schema`.
        read: the result's columns and the decisions, from memory: no storage is asked. The arrays
            are not to be changed.
        parsed: what the app's parsing step said of the input in its `meta`; empty for synchronous
            calls.
    """

    block_id: int
    project_id: UUID
    submission_id: UUID
    job_id: UUID
    session: str
    position: int
    input_name: str
    facts: Mapping[str, str]
    rows: int
    outcomes: Mapping[str, int]
    provenance: Provenance
    model_version_id: int | None
    operating_point_id: int | None
    operating_point: BaseModel
    created_at: datetime
    read: Callable[[], tuple[Columns, DecisionColumns]] = field(repr=False, compare=False)
    parsed: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)

    def result_id(self, row: int) -> int:
        """The id under which people and REST find one row of the block."""
        return self.block_id << ROW_BITS | row


class OnBlocks(Protocol):
    """Called inside the transaction that stores columnar results, with those stored together.

    SHALL be idempotent, SHALL use a number of queries that does not grow with the rows, and an
    error it raises undoes the transaction. It runs before a synchronous call is answered: be quick.
    """

    def __call__(self, blocks: Sequence[StoredBlock]) -> None:
        """Follow up on `blocks`, all of one app; they may belong to several projects."""
