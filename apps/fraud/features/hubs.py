"""Entities with so many events that their windows must not take all of them.

`windowed_state` holds at most 2²³ events of an entity inside its longest horizon and refuses more.
Events of an entity are counted in blocks of `BLOCK`. One is entered in the windows only if all but
its own block and the two before it lie outside of the horizon; so at most three blocks are alive.
The windows of an entity that is told to wait stand still: its events are told what the last one
that was entered was told. That depends on the order of events alone, not on batches.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.int64]
Nodes = NDArray[np.int32]

BLOCK: Final = 2**21
_ALIVE: Final = 3
_NEVER: Final = -(2**62)


class Hubs:
    """The hubs of one kind of entity.

    Args:
        horizon: ms that an event stays in some window.
        width: numbers that the windows tell about an event.
        block: events of a block.
    """

    def __init__(self, horizon: int, width: int, block: int = BLOCK) -> None:
        self._horizon, self._width, self._block = horizon, width, block
        self._starts: dict[int, list[int]] = {}
        self._last: dict[int, Array] = {}

    def waiting(self, nodes: Nodes, before: Array, clock: Array) -> NDArray[np.bool_] | None:
        """Which events must not be entered; None where all may.

        Args:
            nodes: [n] the entity of each event; −1 for none.
            before: [n] events of it before this batch.
            clock: [n] milliseconds, not descending.
        """
        near = (before + len(nodes) >= self._block) & (nodes >= 0)
        if not near.any():
            return None
        waiting = np.zeros(len(nodes), np.bool_)
        counts: dict[int, int] = {}
        for n in np.flatnonzero(near).tolist():
            node, now = int(nodes[n]), int(clock[n])
            number = int(before[n]) + counts.get(node, 0)
            counts[node] = counts.get(node, 0) + 1
            starts = self._starts.setdefault(node, [])
            if number and number % self._block == 0:
                starts.append(now)
                del starts[:-_ALIVE]
            waiting[n] = len(starts) == _ALIVE and starts[0] > now - self._horizon
        return waiting

    def stand_still(self, nodes: Nodes, waiting: NDArray[np.bool_] | None, told: Array) -> None:
        """Give waiting events the numbers of the last one that was entered; told [n, width]."""
        for node in self._starts:
            last = self._last.get(node)
            for n in np.flatnonzero(nodes == node).tolist():
                if waiting is not None and waiting[n] and last is not None:
                    told[n] = last
                else:
                    last = told[n].copy()
            if last is not None:
                self._last[node] = last

    def snapshot(self) -> dict[str, Array]:
        """Plain arrays: node, starts of its blocks, whether it was told anything, last numbers."""
        rows = [
            [node, *([_NEVER] * (_ALIVE - len(starts)) + starts), node in self._last]
            for node, starts in self._starts.items()
        ]
        last = [self._last.get(node, np.zeros(self._width, np.int64)) for node in self._starts]
        return {
            "hubs": np.array(rows, np.int64).reshape(-1, _ALIVE + 2),
            "last": np.array(last, np.int64).reshape(-1, self._width),
        }

    def restore(self, told: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`."""
        self._starts, self._last = {}, {}
        for row, last in zip(told["hubs"].tolist(), told["last"], strict=True):
            self._starts[row[0]] = [start for start in row[1:-1] if start != _NEVER]
            if row[-1]:
                self._last[row[0]] = last.copy()
