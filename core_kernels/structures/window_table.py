"""The memory of `windowed_state` for one id column: plain arrays that grow when they are full.

An entity of which no window holds anything any more is *idle*: it keeps its key and the time of its
newest event, and nothing else. Which entities are idle changes no answer.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core_kernels.errors import ArgumentRefused
from core_kernels.structures import windows as at
from core_kernels.structures.backing import ready
from core_kernels.structures.growing import longer
from core_kernels.structures.readying import Readying
from core_kernels.structures.windows import Entity

Array = NDArray[np.int64]
_NONE_BEFORE = np.zeros((1, 3), np.int64)


class WindowTable:
    """Heads, logs and labels of the entities of one column.

    Attributes:
        entity: what is kept.
        stride: numbers in a head row.
        heads: [room · stride]; see `structures.windows` for the fields.
        hashed: [slots, 2] of key and 1 + head row, or −1 − place of an idle one; 0: an empty slot.
        hashed_before: a smaller hash on its way into `hashed`, some slots with every batch.
        idle: [room] of idle entities the time of the newest event.
        idle_keys: of a restored table, until its hash is made.
        arena: [room, 4] log entries; each entity owns a block of a power of two.
        queues: [room, 2] of the same blocks: positions of candidates for the maximum and minimum.
        pending: [room, 4], a heap of labels by the time they become known.
        pairs: [slots, 3] of head row + 1, other id, newest position.
        pairs_before: pairs on their way into `pairs`, some slots with every batch.
        coming_keys, coming_pairs: the next of these tables, made ready with every batch.
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
        self.hashed_before = _NONE_BEFORE[:, :2].copy()
        self.idle: Array = np.zeros(16, np.int64)
        self.idle_keys: Array = np.zeros(0, np.int64)
        self.arena: Array = np.zeros((64, at.ENTRY), np.int64)
        self.queues: Array = np.zeros((64 if entity.extremes else 1, 2), np.int64)
        self.pending: Array = np.zeros((16, 4), np.int64)
        self.pairs: Array = np.zeros((32, 3), np.int64)
        self.pairs_before = _NONE_BEFORE.copy()
        self.coming_keys, self.coming_pairs = Readying(), Readying()
        self.counters: Array = np.zeros(at.COUNTERS, np.int64)
        self.counters[at.FREE : at.KEYS] = -1
        self.counters[[at.IDLE_FREE, at.ROW_FREE]] = -1

    @property
    def horizon(self) -> int:
        """How long ago an event may lie that some window still holds."""
        delay = self.entity.delay or 0
        return max(0, *self.entity.windows, *(delay + one for one in self.entity.risk_windows))

    def nbytes(self) -> int:
        """Bytes of all that is in use."""
        heads = int(self.counters[at.ENTITIES]) * self.stride * 8
        entries = int(self.counters[at.ARENA]) * (8 * at.ENTRY + 16 * self.entity.extremes)
        waiting = int(self.counters[at.PENDING]) * 32 + int(self.counters[at.IDLES]) * 8
        tables = (self.hashed, self.hashed_before, self.pairs, self.pairs_before)
        coming = self.coming_keys.nbytes + self.coming_pairs.nbytes
        return heads + entries + waiting + coming + sum(table.nbytes for table in tables)

    def grow_arena(self, needed: int) -> None:
        """Room for `needed` more entries."""
        room = len(self.arena)
        while room < self.counters[at.ARENA] + needed:
            room *= 2
        self.arena = longer(self.arena, room)
        if self.entity.extremes:
            self.queues = longer(self.queues, room)

    def ready(self) -> None:
        """Have memory behind what is used ready, so that no event waits for it."""
        counters = self.counters
        ready(self.heads, int(counters[at.ENTITIES]) * self.stride)
        ready(self.idle, int(counters[at.IDLES]))
        ready(self.arena, int(counters[at.ARENA]))
        if self.entity.extremes:
            ready(self.queues, int(counters[at.ARENA]))
        if len(self.risks):
            ready(self.pending, int(counters[at.PENDING]))

    def grow_heads(self, needed: int) -> None:
        """Room for `needed` more entities, and for as many more idle ones."""
        room, places = len(self.heads) // self.stride, len(self.idle)
        while room < self.counters[at.ENTITIES] + needed:
            room *= 2
        while places < self.counters[at.IDLES] + needed:
            places *= 2
        self.heads = longer(self.heads, room * self.stride)
        self.idle = longer(self.idle, places)

    def grow_pending(self, needed: int) -> None:
        """Room for `needed` more labels that wait."""
        room = len(self.pending)
        while room < self.counters[at.PENDING] + needed:
            room *= 2
        self.pending = longer(self.pending, room)

    def snapshot(self) -> dict[str, Array]:
        """Copies of what is alive: heads, the entries of each log in order, labels that wait, and
        keys and times of idle entities."""
        entities, waiting = int(self.counters[at.ENTITIES]), int(self.counters[at.PENDING])
        heads = self.heads[: entities * self.stride].reshape(-1, self.stride)
        entry = heads[:, at.BASE].repeat(_live(heads))
        entry += _positions(heads) & (heads[:, at.ROOM] - 1).repeat(_live(heads))
        return {
            "heads": heads.copy(),
            "entries": self.arena[entry],
            "pending": self.pending[:waiting].copy(),
            "idle": self._idle(),
        }

    def _idle(self) -> Array:
        """[n, 2] keys of idle entities, and times of their newest events."""
        found = self.hashed[self.hashed[:, 1] < 0]
        if len(self.hashed_before) > 1:
            before = self.hashed_before[self.hashed_before[:, 1] < 0]
            # What moved already counts where it is now: it may have come back since.
            moved = np.isin(before[:, 0], self.hashed[self.hashed[:, 1] != 0, 0])
            found = np.concatenate([found, before[~moved]])
        return np.stack([found[:, 0], self.idle[-1 - found[:, 1]]], axis=1)

    def restore(self, told: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`; hashes, pairs and queues are empty afterwards.

        Raises:
            ArgumentRefused: arrays are missing, of another form, or do not fit together.
        """
        widths = {"heads": self.stride, "entries": at.ENTRY, "pending": 4, "idle": 2}
        if "idle" not in told:  # taken before entities could be idle
            told = {**told, "idle": np.zeros((0, 2), np.int64)}
            if "heads" in told and told["heads"].shape[1:] == (self.stride,):
                heads = told["heads"].copy()
                heads[heads[:, at.HEAD] == 0, at.LAST] = at.NEVER
                told["heads"] = heads
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
        heads[:, at.ROOM] = np.where(live > 0, rooms, 0)
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
        self.grow_heads(len(told["idle"]))
        self.idle[: len(told["idle"])] = told["idle"][:, 1]
        self.idle_keys = np.ascontiguousarray(told["idle"][:, 0])
        self.counters[at.IDLES] = len(told["idle"])
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
        keys = np.concatenate([heads[heads[:, at.LAST] != at.FREED, at.KEY], told["idle"][:, 0]])
        if len(np.unique(keys)) != len(keys):
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
