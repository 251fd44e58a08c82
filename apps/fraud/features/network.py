"""The network of payers and what they share: nodes with their figures, and who met whom lately.

Memory: a node takes 64 bytes and 8 in the hash, its ring 32 bytes (a payer 32 for each other kind
of entity); a pair of two that met within `MEETINGS` longest windows takes 40 to 72; a label that
waits 24. Values of attributes are told apart by `layout.SEGMENTS` buckets, so that nobody can make
them grow without end.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features import layout as at
from apps.fraud.features.loops import labels as waiting
from apps.fraud.features.loops import meetings
from apps.fraud.features.loops import network as loops
from apps.fraud.features.loops import nodes as finding
from apps.fraud.scheme import Scheme
from core_kernels.dispatch.growing import Readying, longer, ready

Array = NDArray[np.int64]
Rows = NDArray[np.int32]

MEETINGS: Final = 2
"""Longest windows after which two that met are new to each other."""
MOVED: Final = 8
"""Slots of a table on its way into another one that move for each event."""
SWEPT: Final = 32
"""Slots of the pairs' table that are looked at for each event: hardly a tenth of them hold pairs
that count no longer."""
_HASTE: Final = 8
"""For how many events one counts while the next table of pairs is being made ready."""
_AT_ONCE: Final = 4096
"""Slots that are few enough to move with one batch, or to judge a table by."""
_NOBODY: Final = 0
_ALL_THERE: Final = -1


class Network:
    """Nodes of every entity and segment of a scheme.

    Args:
        scheme: of the project.
        segments: how many kinds of segment there are; `categories` of them, the first, are the
            values of category attributes, for which a payer's meetings are counted.
        depth: 0 for history alone, 1 for labels, meetings and neighbours, 2 for what lies beyond an
            event's own entities too.
    """

    def __init__(self, scheme: Scheme, *, segments: int, categories: int, depth: int) -> None:
        kinds = [entity.key for entity in scheme.entities]
        self.entities, self.segments, self.categories = len(kinds), segments, categories
        self.depth = depth
        self.payer = kinds.index(scheme.payer.key)
        others = [number for number in range(len(kinds)) if number != self.payer]
        payees = [entity.key for entity in scheme.of_role("payee")]
        self.payee = kinds.index(payees[0]) if payees else -1
        self._payee_ring = others.index(self.payee) if payees else -1
        shared = {relation.shared for relation in scheme.relations}
        self._others = np.array(others, np.int64)
        self._caps = np.array([scheme.entities[one].degree_cap for one in others], np.int64)
        self._related = np.array([kinds[one] in shared for one in others], np.bool_)
        self.span = MEETINGS * max(scheme.windows) * 1000
        self._rings_of = [at.RING] * self.entities + [0] * segments
        self._rings_of[self.payer] = at.RING * len(others)
        self.width = (
            at.ONCE
            + at.PER_NODE * self.nodes
            + at.PER_OTHER * len(others)
            + at.PER_CATEGORY * categories
        )
        self.records: Array = np.zeros((1024, at.RECORD), np.int64)
        self.hashed: Rows = np.zeros(2048, np.int32)
        self._hashed_before: Rows = np.zeros(1, np.int32)
        self.rings: Rows = np.zeros(4096, np.int32)
        self.pairs: Array = np.zeros((2048, at.PAIR), np.int64)
        self._pairs_before: Array = np.zeros((1, at.PAIR), np.int64)
        self.heap: Array = np.zeros((1024, 3), np.int64)
        self._coming_hash, self._coming_pairs = Readying(), Readying()
        self._swept = 0
        self.counters: Array = np.zeros(at.COUNTERS, np.int64)

    @property
    def nodes(self) -> int:
        """Nodes of an event: its entities and its segments."""
        return self.entities + self.segments

    def rows(self, entities: Sequence[Array], segments: Sequence[Array]) -> tuple[Rows, Rows]:
        """The nodes of events, new ones among them.

        Args:
            entities: of each kind, [n] keys; 0 where there is none.
            segments: of each kind, [n] buckets from 0.

        Returns:
            rows [nodes, n], −1 where there is none; and [2, n] the payee as a payer and the payer
            as a payee, −1 where it is not known as such.
        """
        count = len(entities[0])
        self._room(count)
        rows = np.empty((self.nodes, count), np.int32)
        for kind, keys in enumerate(entities):
            self._find(keys, kind, _NOBODY, True, rows[kind])
        if not self.depth:
            rows[self.entities :] = -1
        for number, keys in enumerate(segments if self.depth else ()):
            self._find(keys, self.entities + number, _ALL_THERE, True, rows[self.entities + number])
        cross = np.full((2, count), -1, np.int32)
        if self.payee >= 0 and self.depth:
            self._find(entities[self.payee], self.payer, _NOBODY, False, cross[0])
            self._find(entities[self.payer], self.payee, _NOBODY, False, cross[1])
        return rows, cross

    def _find(self, keys: Array, kind: int, missing: int, create: bool, out: Rows) -> None:
        finding.rows_of(
            keys, kind, missing, self.records, self.hashed, self._hashed_before, self.counters,
            self._rings_of[kind], create, out,
        )  # fmt: skip

    def feed(
        self, first: int, most: int, clock: Array, amounts: Array, labels: NDArray[np.int8],
        known: Array, rows: Rows, cross: Rows, kept: Rows, room: int,
    ) -> Array:  # fmt: skip
        """Enter events; returns [width, n] answers, see `layout`.

        Args:
            first: number of the first; `most` events are remembered, with their rows in `kept`,
                which has `room` rows or will have them.
            clock: [n] milliseconds, not descending.
            amounts, labels, known: [n]; see `FeatureState.feed`.
            rows, cross: from `rows`.
        """
        out = np.zeros((self.width, len(clock)), np.int64)
        if not self.depth:
            loops.history(
                clock, amounts, rows, self.payer, self.entities, self.records, out[at.HISTORY]
            )
            return out
        now = int(clock[0]) if len(clock) else 0
        self._room_for_pairs(len(clock), now)
        self._move_pairs(MOVED * len(clock) * (self.entities + self.categories), now)
        self._forget_pairs(SWEPT * len(clock), now)
        self._room_for_labels(int((labels >= 0).sum()))
        loops.feed(
            first, most, clock, amounts, labels, known, rows, cross, self.payer, self.payee,
            self._payee_ring, self._others, self._caps, self._related, self.entities,
            self.categories, self.span, self.depth > 1, self.records, self.hashed,
            self._hashed_before, self.rings, self.pairs, self._pairs_before, self.heap,
            self.counters, kept, room, out,
        )  # fmt: skip
        return out

    def learn(self, numbers: Array, labels: Array, known: Array) -> None:
        """Labels of remembered events; they count from the time `known` on."""
        if not self.depth:
            return
        self._room_for_labels(len(numbers))
        waiting.wait(known, numbers, labels, self.heap, self.counters)

    def events(self, rows: Rows) -> Array:
        """[n] events so far of nodes; what stands for −1 says nothing."""
        events: Array = self.records[rows, at.EVENTS]
        return events

    def keys(self, rows: Array, kind: int) -> Array:
        """[n] the identifiers' keys of rows of one kind; 0 for −1."""
        typed = self.records[np.maximum(rows, 0), at.KEY].view(np.uint64)
        mask = np.uint64((kind + 1) * 0x9E3779B97F4A7C15 % 2**64)
        keys: Array = np.where(rows < 0, 0, (typed ^ mask).view(np.int64))
        return keys

    def snapshot(self) -> dict[str, Array]:
        """Plain arrays of what is alive."""
        living = self.pairs[self.pairs[:, 0] != 0]
        if len(self._pairs_before) > 1:
            before = self._pairs_before[self._pairs_before[:, 0] != 0]
            before = before[~np.isin(before[:, 0], living[:, 0])]
            living = np.concatenate([living, before])
        return {
            "records": self.records[: self.counters[at.NODES]].copy(),
            "rings": self.rings[: self.counters[at.RINGS]].astype(np.int64),
            "pairs": living,
            "heap": self.heap[: self.counters[at.WAITING]].copy(),
            "counters": self.counters.copy(),
        }

    def restore(self, told: Mapping[str, Array]) -> None:
        """Take the arrays of `snapshot`."""
        self.counters = told["counters"].copy()
        self.counters[[at.HASH_MOVED, at.PAIRS_MOVED, at.PAIRS]] = 0
        nodes, rings = len(told["records"]), len(told["rings"])
        self.records = longer(np.zeros((1024, at.RECORD), np.int64), _doubled(1024, nodes))
        self.records[:nodes] = told["records"]
        self.rings = longer(np.zeros(4096, np.int32), _doubled(4096, rings))
        self.rings[:rings] = told["rings"]
        self.heap = longer(np.zeros((1024, 3), np.int64), _doubled(1024, len(told["heap"])))
        self.heap[: len(told["heap"])] = told["heap"]
        self.hashed = np.zeros(_doubled(2048, 2 * nodes), np.int32)
        self._hashed_before = np.zeros(1, np.int32)
        finding.rehash(nodes, self.records, self.hashed)
        pairs = np.ascontiguousarray(told["pairs"])
        self.pairs = np.zeros((_doubled(2048, 2 * len(pairs)), at.PAIR), np.int64)
        self._pairs_before = np.zeros((1, at.PAIR), np.int64)
        finding.move_pairs(0, len(pairs), -(2**62), pairs, self.pairs, self.counters)

    @property
    def met(self) -> int:
        """Entities that have a node."""
        return int(self.counters[at.NODES])

    def nbytes(self) -> int:
        """Bytes of all that is in use."""
        nodes, rings, waiting = (int(self.counters[n]) for n in (at.NODES, at.RINGS, at.WAITING))
        tables = (self.hashed, self._hashed_before, self.pairs, self._pairs_before)
        lists = nodes * at.RECORD * 8 + rings * self.rings.itemsize + waiting * 24
        coming = self._coming_hash.nbytes + self._coming_pairs.nbytes
        return lists + coming + sum(table.nbytes for table in tables)

    def _room(self, count: int) -> None:
        nodes = int(self.counters[at.NODES]) + count * self.nodes
        rings = int(self.counters[at.RINGS]) + count * sum(self._rings_of)
        self.records = longer(self.records, _doubled(len(self.records), nodes))
        self.rings = longer(self.rings, _doubled(len(self.rings), rings))
        ready(self.records, nodes)
        ready(self.rings, rings)
        room = len(self.hashed)
        if 4 * nodes > 2 * room > 2 * _AT_ONCE:
            self._coming_hash.get_on(2 * room, self.hashed, 2 * count)
        if 3 * nodes > 2 * room:
            self._move_nodes(len(self._hashed_before))
            self._hashed_before, self.counters[at.HASH_MOVED] = self.hashed, 0
            self.hashed = self._coming_hash.take(_doubled(room, 2 * nodes), self.hashed)
        few = len(self._hashed_before) <= _AT_ONCE
        self._move_nodes(len(self._hashed_before) if few else MOVED * self.nodes * count)

    def _move_nodes(self, slots: int) -> None:
        before = self._hashed_before
        if len(before) == 1:
            return
        start = int(self.counters[at.HASH_MOVED])
        stop = min(start + slots, len(before))
        finding.move_nodes(start, stop, self.records, self.hashed, before)
        self.counters[at.HASH_MOVED] = stop
        if stop == len(before):
            self._hashed_before = np.zeros(1, np.int32)

    def _room_for_pairs(self, count: int, now: int) -> None:
        kinds = self.entities - 1 + self.categories
        room, wanted = len(self.pairs), int(self.counters[at.PAIRS]) + count * kinds
        if 5 * wanted <= 3 * room:
            return
        sample = min(room, _AT_ONCE)
        alive = finding.living(self.pairs, sample, now - self.span)
        alive = alive * (room // sample) + count * kinds
        if room > _AT_ONCE:
            self._coming_pairs.get_on(_doubled(2048, 2 * alive), self.pairs, _HASTE * count)
        if 3 * wanted <= 2 * room:
            return
        self._move_pairs(len(self._pairs_before), now)
        self._pairs_before, self.counters[at.PAIRS_MOVED] = self.pairs, 0
        self.pairs = self._coming_pairs.take(_doubled(2048, 2 * alive), self.pairs)
        self.counters[at.PAIRS] = 0
        if room <= _AT_ONCE:
            self._move_pairs(room, now)

    def _move_pairs(self, slots: int, now: int) -> None:
        before = self._pairs_before
        if len(before) == 1:
            return
        start = int(self.counters[at.PAIRS_MOVED])
        stop = min(start + slots, len(before))
        finding.move_pairs(start, stop, now - self.span, before, self.pairs, self.counters)
        self.counters[at.PAIRS_MOVED] = stop
        if stop == len(before):
            self._pairs_before = np.zeros((1, at.PAIR), np.int64)

    def _forget_pairs(self, slots: int, now: int) -> None:
        """Take pairs that count no longer out of a table that stays and is not half empty."""
        if len(self._pairs_before) == 1 and 2 * self.counters[at.PAIRS] > len(self.pairs):
            self._swept = meetings.forget(
                self.pairs, self._swept, slots, now - self.span, self.counters
            )

    def _room_for_labels(self, count: int) -> None:
        wanted = int(self.counters[at.WAITING]) + count
        self.heap = longer(self.heap, _doubled(len(self.heap), wanted))
        ready(self.heap, wanted)


def _doubled(room: int, wanted: int) -> int:
    while room < wanted:
        room *= 2
    return room
