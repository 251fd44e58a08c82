"""Which piece is next: line before interactive before batch, none of them starved.

The rules, apart from any thread. All times are seconds of one monotonic clock.

* A piece of a more urgent lane goes first.
* While something waits in a lane, at least one of `ONE_IN` pieces that start is its own.
* What has waited longer than `OLDEST_S` gets every second start. So that this stays the exception,
  the batch lane, whose callers can wait outside, takes no more than drains within that time.
* Pieces that are not of the line hold at most all but one of the ordinary threads.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from loupe.contract.runtime.lanes import Lane
from loupe.engine.pieces import Piece

ONE_IN: Mapping[Lane, int] = {Lane.INTERACTIVE: 4, Lane.BATCH: 8}
OLDEST_S: Mapping[Lane, float] = {Lane.INTERACTIVE: 2.0, Lane.BATCH: 10.0}
LONGEST_RETRY_S = 60.0
_LEAST_STARTS = 4
"""Starts after which a lane's pace is believed."""
_RECENT = 64
_ORDER = tuple(Lane)
_LATER = {lane: _ORDER[_ORDER.index(lane) + 1 :] for lane in Lane}
_ONLY_LINE = (Lane.LINE,)


class Turns(Protocol):
    """Chooses among models."""

    def next_model(self, models: Collection[str]) -> str:
        """Whose turn it is; `models` have work waiting, the one that waits longest first."""


class Drain:
    """How fast a lane's pieces start, measured while some of them wait."""

    def __init__(self) -> None:
        self._starts: deque[float] = deque(maxlen=_RECENT)
        self._rate: float | None = None

    def started(self, now: float, waiting: int) -> None:
        """A piece has started and `waiting` more are left."""
        self._starts.append(now)
        if len(self._starts) >= _LEAST_STARTS and now > self._starts[0]:
            self._rate = (len(self._starts) - 1) / (now - self._starts[0])
        if not waiting:
            # A pace belongs to its rush: the next one may find everything loaded.
            self._starts.clear()
            self._rate = None

    def seconds(self, waiting: int) -> float | None:
        """Seconds until `waiting` pieces have started; None while nothing was measured."""
        return waiting / self._rate if self._rate else None


class Lanes:
    """The pieces that wait, by lane. Not thread-safe: the queue around it holds a lock.

    Args:
        limit: pieces that may wait in each lane.
        turns: chooses among the models that wait in one lane; without it the oldest piece is first.
    """

    def __init__(self, limit: int, turns: "Turns | None" = None) -> None:
        self.limit = limit
        self._turns = turns
        self._waiting: dict[Lane, deque[Piece]] = {lane: deque() for lane in Lane}
        self._passed: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self._drain: dict[Lane, Drain] = {lane: Drain() for lane in Lane}
        self.oldest_seen_s: dict[Lane, float] = dict.fromkeys(Lane, 0.0)

    def waiting(self, lane: Lane) -> int:
        """How many pieces of a lane wait."""
        return len(self._waiting[lane])

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def full(self, lane: Lane) -> bool:
        """Whether a lane takes no more: too many wait, or for too long."""
        count = len(self._waiting[lane])
        if not count or count >= self.limit:
            return bool(count)
        if lane is not Lane.BATCH:
            return False
        wait_s = self._drain[lane].seconds(count)
        return wait_s is not None and wait_s > OLDEST_S[lane]

    def retry_after_s(self, lane: Lane) -> float:
        """When to come again: what waits now will have started, by the pace it drains."""
        wait_s = self._drain[lane].seconds(max(1, len(self._waiting[lane])))
        return min(LONGEST_RETRY_S, max(0.05, 1.0 if wait_s is None else wait_s))

    def push(self, piece: Piece) -> None:
        """Let it wait behind its lane."""
        self._waiting[piece.lane].append(piece)

    def push_front(self, piece: Piece) -> None:
        """Let what is left of a piece go on before the others of its lane."""
        self._waiting[piece.lane].appendleft(piece)

    def remove(self, piece: Piece) -> bool:
        """Take out a piece nobody waits for; False where it waits no longer."""
        try:
            self._waiting[piece.lane].remove(piece)
        except ValueError:
            return False
        return True

    def take(
        self, now: float, *, lanes: frozenset[Lane], may_start: Callable[[Piece], bool]
    ) -> Piece | None:
        """The next piece for an ordinary thread that may serve `lanes`; None: there is none."""
        for lane in self._order(now, lanes):
            piece = self._first(lane, may_start)
            if piece is not None:
                self._started(piece, now)
                return piece
        return None

    def take_from(self, lane: Lane, now: float, may_start: Callable[[Piece], bool]) -> Piece | None:
        """The next piece of one lane."""
        piece = self._first(lane, may_start)
        if piece is not None:
            self._started(piece, now)
        return piece

    def companions(
        self, head: Piece, lanes: tuple[Lane, ...], room: int, now: float
    ) -> list[Piece]:
        """Take out pieces of the head's group from `lanes`, in order, up to `room` items."""
        found: list[Piece] = []
        if head.shared is None or room < 1:
            return found
        for lane in lanes:
            for piece in [p for p in self._waiting[lane] if p.shared is not None]:
                if piece.shared is None or piece.shared.key != head.shared.key:
                    continue
                if piece.shared.items > room:
                    return found
                room -= piece.shared.items
                self._waiting[lane].remove(piece)
                self._started(piece, now)
                found.append(piece)
        return found

    def drop_all(self) -> Iterator[Piece]:
        """Empty every lane."""
        for waiting in self._waiting.values():
            while waiting:
                yield waiting.popleft()

    def _order(self, now: float, lanes: frozenset[Lane]) -> Sequence[Lane]:
        if not self._waiting[Lane.INTERACTIVE] and not self._waiting[Lane.BATCH]:
            return _ONLY_LINE
        late = {
            lane: self._waiting[lane][0].since
            for lane in lanes & OLDEST_S.keys()
            if self._waiting[lane]
            and self._passed[lane]
            and now - self._waiting[lane][0].since > OLDEST_S[lane]
        }
        owed = [
            lane
            for lane in (Lane.BATCH, Lane.INTERACTIVE)
            if lane in lanes and self._waiting[lane] and self._passed[lane] >= ONE_IN[lane] - 1
        ]
        usual = [lane for lane in (Lane.LINE, Lane.INTERACTIVE) if lane in lanes]
        return [*sorted(late, key=lambda lane: late[lane]), *owed, *usual]

    def _first(self, lane: Lane, may_start: Callable[[Piece], bool]) -> Piece | None:
        """Take out the oldest piece that may start; where its model has rivals in the lane, the
        oldest one of the model whose turn it is."""
        oldest: dict[str, Piece] = {}
        for piece in self._waiting[lane]:
            if not may_start(piece):
                continue
            if self._turns is None or piece.shared is None:
                # Work without a model is not counted by turns, and waits for nobody's.
                if not oldest:
                    self._waiting[lane].remove(piece)
                    return piece
                continue
            oldest.setdefault(piece.shared.model, piece)
        if self._turns is None or not oldest:
            return None
        chosen = oldest[self._turns.next_model(tuple(oldest))]
        self._waiting[lane].remove(chosen)
        return chosen

    def _started(self, piece: Piece, now: float) -> None:
        lane = piece.lane
        self._passed[lane] = 0
        for later in _LATER[lane]:
            if self._waiting[later]:
                self._passed[later] += 1
        self._drain[lane].started(now, len(self._waiting[lane]))
        self.oldest_seen_s[lane] = max(self.oldest_seen_s[lane], now - piece.since)
