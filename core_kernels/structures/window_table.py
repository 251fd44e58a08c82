"""The memory of `windowed_state` for one id column: plain arrays that double when they are full."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core_kernels.errors import ArgumentRefused
from core_kernels.structures import windows as at
from core_kernels.structures.windows import Entity

Array = NDArray[np.int64]


class WindowTable:
    """Heads, logs and labels of the entities of one column.

    Attributes:
        entity: what is kept.
        stride: numbers in a head row.
        heads: [room · stride]; see `structures.windows` for the fields.
        hashed: [slots, 2] of key and 1 + head row; 0 marks an empty slot.
        arena: [room, 4] log entries; each entity owns a block of a power of two.
        queues: [room, 2] of the same blocks: positions of candidates for the maximum and minimum.
        pending: [room, 4], a heap of labels by the time they become known.
        pairs: [slots, 3] of head row + 1, other id, newest position.
        counters: see `structures.windows`.
    """

    def __init__(self, entity: Entity) -> None:
        self.entity = entity
        self.risk_at = at.WINDOW + at.PER_WINDOW * len(entity.windows)
        self.extremes_at = self.risk_at + at.PER_RISK * len(entity.risk_windows)
        self.stride = self.extremes_at + at.EXTREMES * entity.extremes
        self.windows = np.array(entity.windows, np.int64)
        self.risks = np.array(entity.risk_windows, np.int64)
        self.heads: Array = np.zeros(16 * self.stride, np.int64)
        self.hashed: Array = np.zeros((32, 2), np.int64)
        self.arena: Array = np.zeros((64, at.ENTRY), np.int64)
        self.queues: Array = np.zeros((64 if entity.extremes else 1, 2), np.int64)
        self.pending: Array = np.zeros((16, 4), np.int64)
        self.pairs: Array = np.zeros((32, 3), np.int64)
        self.counters: Array = np.zeros(at.COUNTERS, np.int64)
        self.counters[at.FREE :] = -1

    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (self.heads, self.hashed, self.arena, self.queues, self.pending, self.pairs)
        return sum(array.nbytes for array in arrays)

    def grow_arena(self, needed: int) -> None:
        """Room for `needed` more entries."""
        room = len(self.arena)
        while room < self.counters[at.ARENA] + needed:
            room *= 2
        self.arena = _longer(self.arena, room)
        if self.entity.extremes:
            self.queues = _longer(self.queues, room)

    def grow_heads(self, needed: int) -> bool:
        """Room for `needed` more entities; tells whether the hash was emptied for that."""
        count = int(self.counters[at.ENTITIES]) + needed
        room = len(self.heads) // self.stride
        while room < count:
            room *= 2
        self.heads = _longer(self.heads, room * self.stride)
        slots = len(self.hashed)
        while slots < 2 * count:
            slots *= 2
        if slots == len(self.hashed):
            return False
        self.hashed = np.zeros((slots, 2), np.int64)
        return True

    def grow_pending(self, needed: int) -> None:
        """Room for `needed` more labels that wait."""
        room = len(self.pending)
        while room < self.counters[at.PENDING] + needed:
            room *= 2
        self.pending = _longer(self.pending, room)

    def snapshot(self) -> dict[str, Array]:
        """Copies of what is alive: heads, the entries of each log in order, labels that wait."""
        entities, waiting = int(self.counters[at.ENTITIES]), int(self.counters[at.PENDING])
        heads = self.heads[: entities * self.stride].reshape(-1, self.stride)
        entry = heads[:, at.BASE].repeat(_live(heads))
        entry += _positions(heads) & (heads[:, at.ROOM] - 1).repeat(_live(heads))
        return {
            "heads": heads.copy(),
            "entries": self.arena[entry],
            "pending": self.pending[:waiting].copy(),
        }

    def restore(self, told: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`; hashes, pairs and queues are empty afterwards.

        Raises:
            ArgumentRefused: arrays are missing, of another form, or do not fit together.
        """
        widths = {"heads": self.stride, "entries": at.ENTRY, "pending": 4}
        for name, width in widths.items():
            array = told.get(name)
            if array is None or array.dtype != np.int64 or array.shape[1:] != (width,):
                raise ArgumentRefused(
                    f"{name} of a snapshot of {self.entity.name!r} must be int64 [rows, {width}]; "
                    "restore it with the windows it was taken with."
                )
        if (problem := self._problem(told)) is not None:
            raise ArgumentRefused(
                f"This snapshot of {self.entity.name!r} does not fit together: {problem}. "
                "Restore an older one and feed the events since."
            )
        heads = told["heads"].copy()
        live = _live(heads)
        rooms = 1 << np.ceil(np.log2(np.maximum(live, 4))).astype(np.int64)
        heads[:, at.ROOM] = np.where(heads[:, at.HEAD] > 0, rooms, 0)
        heads[:, at.BASE] = np.cumsum(heads[:, at.ROOM]) - heads[:, at.ROOM]
        self.__init__(self.entity)  # type: ignore[misc]
        self.grow_arena(int(heads[:, at.ROOM].sum()))
        entry = heads[:, at.BASE].repeat(live)
        entry += _positions(heads) & (heads[:, at.ROOM] - 1).repeat(live)
        self.arena[entry] = told["entries"]
        self.grow_heads(len(heads))
        self.heads[: heads.size] = heads.reshape(-1)
        self.grow_pending(len(told["pending"]))
        self.pending[: len(told["pending"])] = told["pending"]
        self.counters[at.ENTITIES] = len(heads)
        self.counters[at.ARENA] = heads[:, at.ROOM].sum()
        self.counters[at.PENDING] = len(told["pending"])

    def _problem(self, told: Mapping[str, Array]) -> str | None:
        heads, pending = told["heads"], told["pending"]
        head, tail = heads[:, at.HEAD], heads[:, at.TAIL]
        if ((tail < 0) | (head < tail) | (head - tail > at.MOST_LIVE)).any():
            return "a log ends before it begins"
        if _live(heads).sum() != len(told["entries"]):
            return "its logs do not have as many entries as it says"
        if len(np.unique(heads[:, at.KEY])) != len(heads):
            return "an entity appears twice"
        first = [at.WINDOW + at.PER_WINDOW * n for n in range(len(self.windows))]
        first += [self.risk_at + at.PER_RISK * n for n in range(len(self.risks))]
        first += [at.PASSED] * bool(len(self.risks))
        starts = heads[:, first]
        if ((starts < tail[:, None]) | (starts > head[:, None])).any():
            return "a window lies outside of its log"
        if len(pending) and not (0 <= pending[:, 1].min() <= pending[:, 1].max() < len(heads)):
            return "a label waits for an entity that is not there"
        if not np.isin(pending[:, 3], (1, 2)).all():
            return "a label that waits is neither yes nor no"
        return None


def _live(heads: Array) -> Array:
    live: Array = heads[:, at.HEAD] - heads[:, at.TAIL]
    return live


def _positions(heads: Array) -> Array:
    """The positions of all live events, entity after entity."""
    live = _live(heads)
    ends = np.cumsum(live)
    within = np.arange(ends[-1] if len(ends) else 0) - (ends - live).repeat(live)
    positions: Array = within + heads[:, at.TAIL].repeat(live)
    return positions


def _longer(array: Array, room: int) -> Array:
    """The array with zeros behind it up to `room` rows; itself if it is that long."""
    if room <= len(array):
        return array if array.flags.writeable else array.copy()
    longer = np.zeros((room, *array.shape[1:]), np.int64)
    longer[: len(array)] = array
    return longer
