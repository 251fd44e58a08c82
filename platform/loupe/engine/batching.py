"""Calls that several requests share: how many fit, and what each of them gets.

A call takes up to `Batching.max_items` items of one group. Work of the batch lane is cut into
smaller calls while the line is in use, so that a line request never waits long for a call to end.
"""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

from loupe.contract.runtime.lanes import Lane, bucket
from loupe.engine.pieces import Piece, Shared

BATCH_CALL_MS = 10.0
"""How long a call of the batch lane should take at most while the line is in use."""
LINE_IN_USE_S = 2.0
_ORDER = tuple(Lane)

Ending: TypeAlias = tuple[Piece, Any]
"""A piece and its answer or error."""


class Calls:
    """The calls of every group under way, and how long they take. The queue's lock guards it,
    `run` apart.

    Attributes:
        record: told of every call: its key, requests, items and seconds.
    """

    def __init__(self) -> None:
        self.record: Callable[[Hashable, int, int, float], None] = lambda *_: None
        self._under_way: Counter[Hashable] = Counter()
        self._ms_an_item: dict[Hashable, float] = {}
        self._line_at = float("-inf")

    def begin(self, key: Hashable) -> None:
        """A call begins."""
        self._under_way[key] += 1

    def end(self, key: Hashable) -> None:
        """A call has ended."""
        self._under_way[key] -= 1
        if not self._under_way[key]:
            del self._under_way[key]

    def busy(self, key: Hashable) -> bool:
        """Whether another call of the group is under way beside the one that asks."""
        return self._under_way[key] > 1

    def room(self, shared: Shared, lane: Lane) -> bool:
        """Whether one more call of the group may begin; one is kept free of the batch lane."""
        most = shared.batching.at_once
        if most is None:
            return True
        return self._under_way[shared.key] < (max(1, most - 1) if lane is Lane.BATCH else most)

    def most_items(self, shared: Shared, lane: Lane) -> int:
        """The items a call may take, its head's lane being `lane`."""
        most = shared.batching.max_items
        now = time.perf_counter()
        if lane is not Lane.BATCH:
            return most
        if now - self._line_at > LINE_IN_USE_S or shared.key not in self._ms_an_item:
            return most
        return max(1, min(most, int(BATCH_CALL_MS / self._ms_an_item[shared.key])))

    def line_came(self) -> None:
        """The line is in use."""
        self._line_at = time.perf_counter()

    def company(self, lane: Lane) -> tuple[tuple[Lane, ...], tuple[Lane, ...]]:
        """The lanes whose pieces share a call of `lane`, and the less urgent ones."""
        at = _ORDER.index(lane)
        # The batch lane's threads are lowered: nothing more urgent may end up on them.
        return ((lane,) if lane is Lane.BATCH else _ORDER[: at + 1]), _ORDER[at + 1 :]

    def padding(self, shared: Shared, items: int) -> int:
        """Items that would be padding in a call of `items`."""
        if not shared.batching.static:
            return 0
        return max(0, min(bucket(items), shared.batching.max_items) - items)

    def run(self, pieces: Sequence[Piece], device: str | None) -> list[Ending]:
        """Make one call, on `device` if its turn is on one; what each piece gets, an answer or an
        error. No lock is held."""
        parts = [piece.shared for piece in pieces if piece.shared is not None]
        start = time.perf_counter()
        answers = _answers(parts, device)
        seconds = time.perf_counter() - start
        items = sum(part.items for part in parts)
        # An approximation is enough, so a lost update between two threads does no harm.
        known = self._ms_an_item.get(parts[0].key)
        fresh = seconds * 1e3 / items
        self._ms_an_item[parts[0].key] = fresh if known is None else known * 0.8 + fresh * 0.2
        self.record(parts[0].key, len(parts), items, seconds)
        return [
            (piece, _finished(piece, part, answer))
            for piece, part, answer in zip(pieces, parts, answers, strict=True)
        ]


def _answers(parts: Sequence[Shared], device: str | None) -> Sequence[Any]:
    try:
        answers = parts[0].run([part.request for part in parts], device)
    except (Exception, SystemExit) as error:  # every caller is told
        return [error] * len(parts)
    if len(answers) != len(parts):
        return [TypeError(f"{len(parts)} requests got {len(answers)} answers.")] * len(parts)
    return answers


def _finished(piece: Piece, part: Shared, answer: Any) -> Any:
    if isinstance(answer, BaseException):
        return answer
    try:
        return part.finish(answer, piece.waited_ms)
    except (Exception, SystemExit) as error:  # it is the caller's to handle
        return error
