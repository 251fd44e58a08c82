"""How urgent a request is, and what a runner can take in one call.

A request names its lane; the engine serves ``line`` before ``interactive`` before ``batch`` and
keeps the later ones from starving. A runner that gains from several requests in one call says so
with an attribute ``batching``; one without it is called with one request at a time.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from loupe.contract.runtime.payload import Payload

BUCKETS = (1, 2, 4, 8, 16, 32, 64)
"""Item counts of a runner with static shapes: one compilation or captured graph each."""


class Lane(StrEnum):
    """Who waits for the answer, most urgent first."""

    LINE = "line"  # a machine that stands still meanwhile: the synchronous REST path
    INTERACTIVE = "interactive"  # a person at a page
    BATCH = "batch"  # nobody: jobs, evaluations, backtests

    __hash__ = str.__hash__  # in C; an enumeration's own is Python, several times a request


def bucket(items: int) -> int:
    """The smallest of `BUCKETS` that holds `items`; beyond the last one, `items` itself."""
    return next((size for size in BUCKETS if size >= items), items)


@dataclass(frozen=True, kw_only=True)
class Batching:
    """What a runner gains from one call with several requests.

    Attributes:
        max_items: most items in one call; 1: it gains nothing, each request is a call of its own.
        window_ms: how long the first request may wait for others while the same group is busy;
            an idle engine never waits.
        static: it pads to one of `BUCKETS`, so less urgent requests may fill what padding would
            waste.
        at_once: calls of one group that run at the same time; None: as many as the engine has
            threads. A GPU takes 2: one is copied in while one computes.
    """

    max_items: int = 1
    window_ms: float = 2.0
    static: bool = False
    at_once: int | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense: a declaration is read by a person who can mend it."""
        if self.max_items < 1 or self.window_ms < 0 or (self.at_once or 1) < 1:
            raise ValueError(
                f"Batching(max_items={self.max_items}, window_ms={self.window_ms}, "
                f"at_once={self.at_once}): max_items and at_once must be 1 or more and window_ms "
                "0 or more."
            )


class BatchingRunner(Protocol):
    """What a `Runner` adds to be called with several requests. All three belong together."""

    @property
    def batching(self) -> Batching:
        """What one call gains from several requests."""

    def group(self, request: Payload) -> Hashable | None:
        """Requests of equal groups may share a call (the same shapes, the same options where it
        matters); None: this one runs alone. Called for every request: it must be cheap."""

    def items(self, request: Payload) -> int:
        """How many items (pictures, rows, crops) a request carries, 1 or more."""
