"""What became of one item in a worker's hands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import BaseModel

from loupe.blobs.writing import Written
from loupe.contract.outcomes import DecisionDraft
from loupe.contract.runtime.payload import JsonValue
from loupe.jobs import following
from loupe.jobs.claims import Claim
from loupe.jobs.models import Item
from loupe.jobs.splitting import Options


@dataclass(frozen=True, kw_only=True)
class Row:
    """A result of rows-form and its decision; `settings` is the operating point it was made by."""

    result: BaseModel
    settings: BaseModel
    decision: DecisionDraft


@dataclass(frozen=True, kw_only=True)
class Block:
    """A result of columns-form: a Parquet file in storage, and how many rows per outcome.

    `read` gives what was encoded, where the app follows its blocks; `parsed` is what the parsing
    step said of the input beside its arrays.
    """

    written: Written
    rows: int
    outcomes: dict[str, int]
    settings: BaseModel
    read: following.Read | None = None
    parsed: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The item cannot be done; trying again is up to a person."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Postponed:
    """Something is missing for the moment; the item is tried again by itself."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The item was a whole input and is these ranges from now on."""

    ranges: tuple[Options, ...]


Outcome: TypeAlias = Row | Block | Cut | Failed | Postponed


@dataclass(frozen=True, kw_only=True)
class Finished:
    """An item, under which claim it was worked on, and what came of it."""

    claim: Claim
    item: Item
    outcome: Outcome
    times_ms: dict[str, float] = field(default_factory=dict)
