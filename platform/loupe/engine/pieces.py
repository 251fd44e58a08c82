"""One piece of work in the engine's queue, and its deadline."""

import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from loupe.contract.runtime.errors import Cancelled, LoupeError
from loupe.contract.runtime.lanes import Batching, Lane
from loupe.engine.allocation.allocator import DeviceTurn
from loupe.engine.errors import DeadlineExceeded

T = TypeVar("T")


class Deadline:
    """A moment by which an answer is wanted; without `after_ms` there is none."""

    def __init__(self, after_ms: float | None = None) -> None:
        self.after_ms = after_ms
        self._at = None if after_ms is None else time.monotonic() + after_ms / 1e3

    def left_s(self) -> float | None:
        """Seconds left, 0 when it has passed; None without a deadline."""
        return None if self._at is None else max(0.0, self._at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether it is too late."""
        return self._at is not None and time.monotonic() >= self._at

    def check(self) -> None:
        """Raise `DeadlineExceeded` when it has passed."""
        if self.passed:
            raise self.exceeded()

    def exceeded(self) -> DeadlineExceeded:
        """The error that says so."""
        return DeadlineExceeded(
            f"The deadline of {self.after_ms:g} ms passed before the answer was ready; allow more "
            "time or try again when the engine is less busy."
        )


class Ticket(Future[T]):
    """The answer to come. A caller who gave up is remembered also after the work has begun, so
    that what is still to be done of it is left out."""

    dropped = False

    def cancel(self) -> bool:
        """Give up."""
        self.dropped = True
        return super().cancel()


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A request that may share a call with others of its group.

    Attributes:
        key: equal keys may share a call.
        batching: what one call takes.
        run: makes the call, on the named device if its turn is on one; one answer or error for
            each request, in order.
        request, items: what is asked, and how many items it counts for.
        finish: turns its answer and the milliseconds it has waited into the caller's answer.
        ended: called once when the piece is over, however it ended.
    """

    key: Hashable
    batching: Batching
    run: Callable[[Sequence[Any], str | None], Sequence[Any]]
    request: Any
    items: int
    finish: Callable[[Any, float], Any]
    ended: Callable[[], None] | None = None

    @property
    def model(self) -> str:
        """The model asked, which the key begins with."""
        return str(self.key[0]) if isinstance(self.key, tuple) else str(self.key)


@dataclass(eq=False, kw_only=True)
class Piece:
    """Something to do in a thread: `work` by itself, or `shared` with others.

    `work` gets the milliseconds it has waited. What it returns is the answer; a `Shared` is what
    is left to do, and the piece goes back to the head of its lane. `turn` is its model's turn,
    where it heads a call.
    """

    lane: Lane
    deadline: Deadline
    work: Callable[[float], Any] | None = None
    shared: Shared | None = None
    ticket: Ticket[Any] = field(default_factory=Ticket)
    since: float = field(default_factory=time.perf_counter)
    entered: float = 0.0
    waited_ms: float = 0.0
    begun: bool = False
    turn: DeviceTurn | None = None

    def leaves_queue(self) -> float:
        """Note that it waits no longer; milliseconds it has waited in all."""
        self.waited_ms += (time.perf_counter() - (self.entered or self.since)) * 1e3
        return self.waited_ms

    def wanted(self) -> bool:
        """Whether somebody still waits for it; a caller whose deadline passed is told so."""
        if not self.begun:
            if not self.ticket.set_running_or_notify_cancel():
                self.over()
                return False
            self.begun = True
        if self.ticket.dropped:
            late: LoupeError = Cancelled("Nobody waits for this answer any more.")
        elif self.deadline.passed:
            late = self.deadline.exceeded()
        else:
            return True
        self.over()
        self.ticket.set_exception(late)
        return False

    def over(self) -> None:
        """Let go of what the piece held."""
        if self.shared is not None and self.shared.ended is not None:
            self.shared.ended()
