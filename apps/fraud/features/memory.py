"""What is remembered of single events, so that a label that comes later finds its event.

The newest `most` events are remembered, 24 bytes each and 4 more for each number kept with them;
the label of an older one is not taken. What counts as remembered does not depend on the sizes of
batches: there is room for `LARGEST` events more than that.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.loops import memory as loops

Array = NDArray[np.int64]
Kept = NDArray[np.int32]

LARGEST: Final = 2**13
"""Events that may be entered at once."""


class Memory:
    """Events numbered from 0, each with its id's key and `width` numbers of 32 bits.

    Attributes:
        count: events so far.
        most: how many are remembered.
        kept: [room, width]; that of event n lies in row n mod room.
    """

    def __init__(self, width: int, most: int) -> None:
        self.width, self.count, self.most = width, 0, most
        self._size(2 * LARGEST)

    def _size(self, room: int) -> None:
        self.slots: Array = np.zeros((room, 2), np.int64)
        self.kept: Kept = np.zeros((room, self.width), np.int32)
        self.buckets: Array = np.zeros(room, np.int64)

    def enter(self, ids: Array, kept: Kept) -> None:
        """Remember at most `LARGEST` events: ids [n], kept [n, width]."""
        self.reserve(0)
        loops.enter(ids, self.count, self.buckets, self.slots)
        self.kept[self._places(self.count, self.count + len(ids))] = kept
        self.count += len(ids)

    def reserve(self, count: int) -> None:
        """Make room for so many events that will be entered, batch by batch."""
        room = len(self.slots)
        while room < min(self.count + count, self.most) + LARGEST:
            room *= 2
        if room > len(self.slots):
            self._take(self.snapshot(), room)

    def find(self, ids: Array) -> Array:
        """[n] the number of the newest event of each id; −1 where none is remembered."""
        out = np.empty(len(ids), np.int64)
        loops.find(ids, self.count, self.most, self.buckets, self.slots, out)
        return out

    def rows_of(self, numbers: Array) -> Array:
        """[n] where in `kept` remembered events are."""
        rows: Array = numbers & (len(self.slots) - 1)
        return rows

    def snapshot(self) -> dict[str, NDArray[np.int64]]:
        """Ids and numbers of all remembered events, oldest first."""
        places = self._places(max(0, self.count - self.most), self.count)
        return {
            "count": np.array([self.count], np.int64),
            "ids": self.slots[places, 0],
            "kept": self.kept[places].astype(np.int64),
        }

    def restore(self, told: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`."""
        room = 2 * LARGEST
        while room < len(told["ids"]) + LARGEST:
            room *= 2
        self._take(told, room)

    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self.slots.nbytes + self.kept.nbytes + self.buckets.nbytes

    def _take(self, told: Mapping[str, Array], room: int) -> None:
        self._size(room)
        self.count = int(told["count"][0])
        first = self.count - len(told["ids"])
        loops.enter(np.ascontiguousarray(told["ids"]), first, self.buckets, self.slots)
        self.kept[self._places(first, self.count)] = told["kept"]

    def _places(self, first: int, end: int) -> Array:
        return np.arange(first, end) & (len(self.slots) - 1)
