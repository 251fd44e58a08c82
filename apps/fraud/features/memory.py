"""What is remembered of single events, so that a label that comes later finds its event.

The newest `most` events are remembered, 24 bytes each and 8 more for each number kept with them;
the label of an older one is not taken.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.loops import memory as loops

Array = NDArray[np.int64]


class Memory:
    """Events numbered from 0, each with its id's key and `width` numbers."""

    def __init__(self, width: int, most: int) -> None:
        self.width, self.count = width, 0
        self.most = 1 << max(most - 1, 1).bit_length()
        self._room(min(1024, self.most))

    def _room(self, room: int) -> None:
        self.slots: Array = np.zeros((room, 2), np.int64)
        self.kept: Array = np.zeros((room, self.width), np.int64)
        self.buckets: Array = np.zeros(room, np.int64)

    @property
    def oldest(self) -> int:
        """The number of the oldest event that is remembered."""
        return max(0, self.count - len(self.slots))

    def enter(self, ids: Array, kept: Array) -> None:
        """Remember events: ids [n], kept [n, width]."""
        room = len(self.slots)
        while room < min(self.count + len(ids), self.most):
            room *= 2
        if room > len(self.slots):
            self._grow(room)
        for start in range(0, len(ids), room):
            part = slice(start, start + room)
            loops.enter(ids[part], self.count, self.buckets, self.slots)
            places = np.arange(self.count, self.count + len(ids[part])) & (room - 1)
            self.kept[places] = kept[part]
            self.count += len(ids[part])

    def find(self, ids: Array) -> Array:
        """[n] the number of the newest event of each id; −1 where none is remembered."""
        out = np.empty(len(ids), np.int64)
        loops.find(ids, self.count, self.buckets, self.slots, out)
        return out

    def of(self, numbers: Array) -> Array:
        """[n, width] what was kept with events that are remembered."""
        found: Array = self.kept[numbers & (len(self.slots) - 1)]
        return found

    def snapshot(self) -> dict[str, Array]:
        """Ids and numbers of all remembered events, oldest first."""
        places = np.arange(self.oldest, self.count) & (len(self.slots) - 1)
        return {
            "count": np.array([self.count], np.int64),
            "ids": self.slots[places, 0],
            "kept": self.kept[places],
        }

    def restore(self, told: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`."""
        ids, kept = told["ids"], told["kept"]
        room = 1024
        while room < min(len(ids), self.most):
            room *= 2
        self._room(min(room, self.most))
        self.count = int(told["count"][0]) - len(ids)
        self.enter(ids, kept)

    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self.slots.nbytes + self.kept.nbytes + self.buckets.nbytes

    def _grow(self, room: int) -> None:
        told = self.snapshot()
        self._room(room)
        self.count -= len(told["ids"])
        ids, kept = told["ids"], told["kept"]
        loops.enter(ids, self.count, self.buckets, self.slots)
        self.kept[np.arange(self.count, self.count + len(ids)) & (room - 1)] = kept
        self.count += len(ids)
