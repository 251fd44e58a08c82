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
from core_kernels.dispatch.growing import longer, ready

Array = NDArray[np.int64]
Kept = NDArray[np.int32]

LARGEST: Final = 2**13
"""Events that may be entered at once."""
_FIRST: Final = 2**10
"""Rows of a fresh one."""


class Memory:
    """Events numbered from 0, each with its id's key and `width` numbers of 32 bits.

    Attributes:
        count: events so far.
        most: how many are remembered.
        room: that of event n lies in row n mod `room` of `kept`.
        kept: [rows, width]; it grows until it has `room` rows.
    """

    def __init__(self, width: int, most: int) -> None:
        self.width, self.count, self.most = width, 0, most
        self.room = most + LARGEST
        self._empty()

    def _empty(self) -> None:
        self.slots: Array = np.zeros((_FIRST, 2), np.int64)
        self.kept: Kept = np.zeros((_FIRST, self.width), np.int32)
        self.buckets: Array = np.zeros(_FIRST, np.int64)
        self._used = 1

    def enter(self, ids: Array, kept: Kept) -> None:
        """Remember at most `LARGEST` events: ids [n], kept [n, width]."""
        self.reserve(len(ids))
        self._used = loops.enter(
            ids, self.count, self._used, self.most, self.room, self.buckets, self.slots
        )
        self.kept[self._places(self.count, self.count + len(ids))] = kept
        self.count += len(ids)
        used = min(self.count, self.room)
        ready(self.slots, used)
        ready(self.kept, used)
        ready(self.buckets, self._used)

    def reserve(self, count: int) -> None:
        """Make room for so many events that will be entered, batch by batch."""
        wanted = min(self.count + count, self.room)
        if wanted <= len(self.slots):
            return
        rows = len(self.slots)
        while rows < wanted:
            rows *= 2
        rows = min(rows, self.room)
        self.slots, self.kept = longer(self.slots, rows), longer(self.kept, rows)
        self.buckets = longer(self.buckets, rows)

    def find(self, ids: Array) -> Array:
        """[n] the number of the newest event of each id; −1 where none is remembered."""
        out = np.empty(len(ids), np.int64)
        loops.find(ids, self.count, self._used, self.most, self.room, self.buckets, self.slots, out)
        return out

    def rows_of(self, numbers: Array) -> Array:
        """[n] where in `kept` remembered events are."""
        rows: Array = numbers % self.room
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
        self._empty()
        self.count = int(told["count"][0])
        self.reserve(0)
        first = self.count - len(told["ids"])
        self._used = loops.enter(
            np.ascontiguousarray(told["ids"]), first, self._used, self.most, self.room,
            self.buckets, self.slots,
        )  # fmt: skip
        self.kept[self._places(first, self.count)] = told["kept"]

    def nbytes(self) -> int:
        """Bytes of all that is in use."""
        rows = min(self.count, self.room)
        return rows * (self.slots.itemsize * 2 + self.kept.itemsize * self.width) + 8 * self._used

    def _places(self, first: int, end: int) -> Array:
        return np.arange(first, end) % self.room
