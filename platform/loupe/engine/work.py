"""Bounded lanes in front of a bounded number of threads.

`threads` ordinary threads serve the line and pages, and what is owed to the batch lane; as many
lowered ones serve the batch lane alone, on whatever processor time the others leave over. A thread
that is free takes the next piece itself, with all that may share its call: nothing waits for a
batch to fill unless the same group is busy anyway.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.urgency import yield_to_others
from loupe.engine.allocation.allocator import Allocator
from loupe.engine.batching import Calls, Ending
from loupe.engine.errors import QueueFull
from loupe.engine.lanes import Lanes
from loupe.engine.pieces import Deadline, Piece, Shared, Ticket

__all__ = ["Deadline", "WorkQueue", "within"]

T = TypeVar("T")

_ALL = frozenset(Lane)
_LINE_ONLY = frozenset({Lane.LINE})
_LOOK_AGAIN_S = 1.0
"""How often an idle thread looks whether a batch piece has become late."""


class WorkQueue:
    """Runs work in threads; at most `limit` pieces wait in each lane.

    Args:
        threads: ordinary threads, and lowered ones.
        limit: pieces that may wait in each lane.
        line_works: told when the line lane's work begins (True) and ends (False).
        allocator: is told of every call. Where its policy declares shares it also says whose turn
            it is among the models that wait in one lane; else the oldest is first.
    """

    def __init__(
        self,
        threads: int,
        limit: int,
        *,
        line_works: Callable[[bool], None] = lambda works: None,
        allocator: Allocator | None = None,
    ) -> None:
        self.threads = threads
        self.limit = limit
        self.calls = Calls()
        self._line_works = line_works
        self._lock = threading.Lock()
        self._ordinary = threading.Condition(self._lock)
        self._lowered = threading.Condition(self._lock)
        self._more = threading.Condition(self._lock)
        self._gathering = 0
        self._allocator = allocator
        fair = allocator is not None and allocator.policy.shares_declared
        self._lanes = Lanes(limit, allocator if fair else None)
        self._running: Counter[Lane] = Counter()
        self._beside_line = 0  # ordinary threads on pieces that are not the line's
        self._refused: Counter[Lane] = Counter()
        self._closing = False
        self._pool = [
            threading.Thread(target=self._serve, args=(lowered,), name=name, daemon=True)
            for lowered, kind in ((False, "engine"), (True, "engine-batch"))
            for name in (f"{kind}_{number}" for number in range(threads))
        ]
        for thread in self._pool:
            thread.start()

    def submit(
        self, deadline: Deadline, work: Callable[[float], Any], lane: Lane = Lane.INTERACTIVE
    ) -> Future[Any]:
        """Run ``work(queue_ms)`` in a thread, unless `deadline` passes before it starts.

        Work that returns a `Shared` goes on with it, perhaps together with others.

        Raises:
            QueueFull: the lane takes no more; it says when to come again.
        """
        return self._submit(Piece(lane=lane, deadline=deadline, work=work))

    def share(
        self, deadline: Deadline, shared: Shared, lane: Lane = Lane.INTERACTIVE
    ) -> Future[Any]:
        """Run a request, perhaps together with others of its group.

        Raises:
            QueueFull: as `submit` does; `shared` has not ended then.
        """
        return self._submit(Piece(lane=lane, deadline=deadline, shared=shared))

    def _submit(self, piece: Piece) -> Ticket[Any]:
        with self._lock:
            if self._lanes.full(piece.lane):
                self._refused[piece.lane] += 1
                raise self._full(piece.lane)
            self._lanes.push(piece)
            self._wake(piece)
        piece.ticket.add_done_callback(lambda ticket: self._forget(piece, ticket))
        return piece.ticket

    def _full(self, lane: Lane) -> QueueFull:
        wait_s = self._lanes.retry_after_s(lane)
        return QueueFull(
            f"{self._lanes.waiting(lane)} requests wait in the {lane} lane, the most this engine "
            f"keeps; try again in about {wait_s:.1f} s.",
            retry_after_s=wait_s,
        )

    def _wake(self, piece: Piece) -> None:
        """Let a thread that may take the piece look."""
        (self._lowered if piece.lane is Lane.BATCH else self._ordinary).notify()
        if self._gathering:
            self._more.notify_all()

    def _forget(self, piece: Piece, ticket: Future[Any]) -> None:
        """Take a piece out that was given up before it began."""
        if not ticket.cancelled():
            return
        with self._lock:
            removed = self._lanes.remove(piece)
        if removed:
            piece.over()

    def _serve(self, lowered: bool) -> None:
        if lowered:
            yield_to_others()
        while pieces := self._take(lowered):
            start = time.perf_counter()
            endings = self._carried_out(pieces)
            if self._allocator is not None and pieces[0].turn is not None:
                self._allocator.end(pieces[0].turn, time.perf_counter() - start)
            self._done(pieces, lowered)
            # Told last: whoever hears of an answer finds its thread free.
            for piece, ending in endings:
                self._settle(piece, ending)

    def _take(self, lowered: bool) -> list[Piece]:
        """The next pieces for a thread; none when the queue has closed."""
        condition = self._lowered if lowered else self._ordinary
        with self._lock:
            while (head := self._next(lowered)) is None:
                if self._closing and not len(self._lanes):
                    self._ordinary.notify_all()
                    self._lowered.notify_all()
                    return []
                patience = _LOOK_AGAIN_S if self._lanes.waiting(Lane.BATCH) else None
                condition.wait(patience)
            pieces = [head]
            self._begun(head, lowered)
            if head.shared is not None:
                self.calls.begin(head.shared.key)
                if self._allocator is not None:
                    head.turn = self._allocator.begin(head.shared.model)
                if head.shared.batching.max_items > 1:
                    self._gather(pieces, head.shared)
            for piece in pieces:
                piece.leaves_queue()
            if not lowered and self._lanes.waiting(Lane.LINE) + self._lanes.waiting(
                Lane.INTERACTIVE
            ):
                self._ordinary.notify()
        return pieces

    def _next(self, lowered: bool) -> Piece | None:
        now = time.perf_counter()
        if lowered:
            return self._lanes.take_from(Lane.BATCH, now, self._may_start)
        room = self._beside_line < max(1, self.threads - 1)
        found = self._lanes.take(now, lanes=_ALL if room else _LINE_ONLY, may_start=self._may_start)
        if found is None and self._closing:
            found = self._lanes.take_from(Lane.BATCH, now, self._may_start)
        return found

    def _may_start(self, piece: Piece) -> bool:
        return piece.shared is None or self.calls.room(piece.shared, piece.lane)

    def _gather(self, pieces: list[Piece], head: Shared) -> None:
        """Add what may share the head's call; wait a moment for more where its group is busy."""
        lane = pieces[0].lane
        most = self.calls.most_items(head, lane)
        now = time.perf_counter()
        until = (pieces[0].entered or pieces[0].since) + head.batching.window_ms / 1e3
        # Less urgent pieces ride along only where padding would compute for nobody.
        same, later = self.calls.company(lane)
        while True:
            count = sum(piece.shared.items for piece in pieces if piece.shared is not None)
            found = self._lanes.companions(pieces[0], same, most - count, now)
            pieces += found
            count += sum(piece.shared.items for piece in found if piece.shared is not None)
            now = time.perf_counter()
            if count >= most or now >= until or not self.calls.busy(head.key):
                break
            self._gathering += 1
            self._more.wait(until - now)
            self._gathering -= 1
        spare = self.calls.padding(head, count)
        pieces += self._lanes.companions(pieces[0], later, spare, now)
        for piece in pieces[1:]:
            self._running[piece.lane] += 1

    def _begun(self, piece: Piece, lowered: bool) -> None:
        self._running[piece.lane] += 1
        if piece.lane is Lane.LINE:
            self.calls.line_came()
            self._line_works(True)
        elif not lowered:
            self._beside_line += 1

    def _carried_out(self, pieces: list[Piece]) -> list[Ending]:
        """Do the work; what came of every piece that somebody still waited for."""
        ready = [piece for piece in pieces if piece.wanted()]
        if pieces[0].shared is not None:
            turn = pieces[0].turn
            return self.calls.run(ready, turn.device if turn else None) if ready else []
        return [(piece, _outcome(piece)) for piece in ready]

    def _done(self, pieces: list[Piece], lowered: bool) -> None:
        with self._lock:
            for piece in pieces:
                self._running[piece.lane] -= 1
            head = pieces[0]
            if head.lane is Lane.LINE:
                self._line_works(False)
            elif not lowered:
                self._beside_line -= 1
            if head.shared is not None:
                self.calls.end(head.shared.key)
                if self._gathering:  # who waits beside this call for others need wait no longer
                    self._more.notify_all()
                if head.shared.batching.at_once is not None:
                    self._ordinary.notify()
                    self._lowered.notify()

    def _settle(self, piece: Piece, ending: Any) -> None:
        if isinstance(ending, BaseException):
            piece.over()
            piece.ticket.set_exception(ending)
            return
        if not isinstance(ending, Shared):
            piece.over()
            piece.ticket.set_result(ending)
            return
        piece.work, piece.shared, piece.entered = None, ending, time.perf_counter()
        with self._lock:
            self._lanes.push_front(piece)
            # This thread looks for work next and finds it, unless it serves other lanes.
            if piece.lane is Lane.BATCH:
                self._lowered.notify()
            if self._gathering:
                self._more.notify_all()

    def depth(self) -> dict[str, int]:
        """How many pieces wait and run, all lanes together."""
        with self._lock:
            running = sum(self._running.values())
            return {"waiting": len(self._lanes), "running": running, "limit": self.limit}

    def lanes(self) -> dict[str, dict[str, float]]:
        """By lane: pieces that wait and run, refused ones, and the longest any has waited."""
        with self._lock:
            return {
                lane: {
                    "waiting": self._lanes.waiting(lane),
                    "running": self._running[lane],
                    "refused": self._refused[lane],
                    "oldest_ms": round(self._lanes.oldest_seen_s[lane] * 1e3, 3),
                }
                for lane in Lane
            }

    def close(self) -> None:
        """Finish what runs and what waits."""
        with self._lock:
            self._closing = True
            for condition in (self._ordinary, self._lowered, self._more):
                condition.notify_all()
        for thread in self._pool:
            thread.join()


def _outcome(piece: Piece) -> Any:
    """What the piece's own work gives: an answer, an error, or a request that is left to share."""
    if piece.work is None:
        return TypeError("A piece has either work or a request to share.")
    try:
        return piece.work(piece.waited_ms)
    except (Exception, SystemExit) as error:  # it is the caller's to handle
        return error


async def within(deadline: Deadline, future: Future[T], *, shared: bool = False) -> T:
    """Wait for work of another thread; give up, and cancel what has not begun, at the deadline.

    `shared` work goes on for others.
    """
    if future.done():
        return future.result()
    waiting = asyncio.wrap_future(future)
    try:
        async with asyncio.timeout(deadline.left_s()):
            return await (asyncio.shield(waiting) if shared else waiting)
    except TimeoutError as error:
        raise deadline.exceeded() from error
