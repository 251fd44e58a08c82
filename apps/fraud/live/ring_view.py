"""Rings over the live log: followed by a thread of its own, asked for at any time.

Rings are a function of the transactions in the log, so they are no part of the state: nothing of
them is journalled or kept in snapshots, and after a start they are found again. The writer only
hands over stretches of the log, which never change, and only once somebody has asked for rings.
"""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from apps.fraud.events import fields
from apps.fraud.live.log import Log
from apps.fraud.live.stretches import Still
from apps.fraud.rings.state import RingState
from apps.fraud.rings.told import Ring
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.payload import JsonValue

logger = logging.getLogger(__name__)

MOST_TOLD = 200


@dataclass
class _Found:
    """What the thread has found: up to which transaction, when, and the rings."""

    at: int = 0
    when: float = 0.0
    rings: list[Ring] = field(default_factory=list)


class RingView:
    """The rings of one session."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self._state = RingState(scheme)
        self._names = [name for name in fields(scheme) if name.startswith("entity.")]
        self._names += ["event_time", "known_at", "amount"]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fraud rings")
        self._under_way: Future[_Found] | None = None
        self._found = _Found()
        self._failed = ""

    def follow(self, log: Log) -> None:
        """Have the thread take in what came since it last looked; never waits for it."""
        if self._under_way is not None:
            if not self._under_way.done():
                return
            self.wait()
        if self._failed:
            return
        if log.end > self._found.at:
            first = max(self._found.at, log.first)
            self._under_way = self._thread.submit(self._look, log.still(), first)

    def told(self, log: Log, limit: int) -> dict[str, JsonValue]:
        """The rings, surest first, and how far behind they are.

        Raises:
            TemporarilyUnavailable: following them has failed.
        """
        self.follow(log)
        found = self._found
        if self._failed:
            raise TemporarilyUnavailable(
                f"Rings could not be followed ({self._failed}); they are from the next start of "
                "the engine on.",
                code="rings_failed",
            )
        return {
            "rings": [ring.as_json() for ring in found.rings[: min(limit, MOST_TOLD)]],
            "count": len(found.rings),
            "at": found.at,
            "behind": log.end - found.at,
            "age_ms": round((time.time() - found.when) * 1e3) if found.when else None,
        }

    def wait(self) -> None:
        """Until the thread has taken in what it was given."""
        if self._under_way is None:
            return
        error = self._under_way.exception()
        if error is None:
            self._found = self._under_way.result()
        else:  # transactions go on without rings; who asks for them is told
            logger.error("rings cannot be followed", exc_info=error)
            self._failed = f"{type(error).__name__}: {error}"
        self._under_way = None

    def close(self) -> None:
        """Its session has ended."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _look(self, still: Still, first: int) -> _Found:
        for _, piece in still.pieces(first, still.end, self._names):
            count = len(piece["amount"])
            lacking = {name: np.zeros(count, "U1") for name in self._names if name not in piece}
            self._state.feed({**piece, **lacking})
        return _Found(still.end, time.time(), self._state.rings())
