"""Which transactions came already: by id, in generations, so that memory stays flat.

The newest generation is a hash table in memory. When it has `GENERATION` ids it is frozen: sorted,
written to an immutable file and read from there through the operating system's cache; what stays in
memory is a filter of 12 bits an id. Generations are small, so that none of them is waited for;
`JOINED` of them become one. Files are written and generations joined by a thread in the background,
which changes no answer. An id counts as known for `horizon` milliseconds of `known_at`; after that
it names a new transaction. Labels look further back: `find` knows no horizon.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.fraud.live import bloom
from apps.fraud.live.compiled import compiled, inlined
from apps.fraud.live.files import Kept
from apps.fraud.live.hashing import Hashes
from core_kernels.dispatch.growing import Readying

GENERATION = 2**16
"""Ids; the table of one takes 5 MiB when full."""
JOINED = 16
"""Neighbouring generations of that size that become one."""
log = logging.getLogger(__name__)
NEW, REPEATED, CONFLICT = 0, 1, 2

Integers = NDArray[np.int64]
HIGH, LOW, BODY, SEQUENCE, KNOWN = range(5)


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What is known of the ids of one batch.

    Attributes:
        kinds: [n] `NEW`; `REPEATED`, with the body it had; `CONFLICT`, with another one.
        sequences: [n] the transaction's number: its first one, where it came before.
    """

    kinds: NDArray[np.int8]
    sequences: Integers


class Sealed:
    """A full table on its way to be frozen."""

    def __init__(self, table: NDArray[np.uint64]) -> None:
        self.table = table
        rows = table[table[:, SEQUENCE] > 0]
        self.first = int(rows[:, SEQUENCE].min()) - 1
        self.latest = int(rows[:, KNOWN].view(np.int64).max())

    def look(self, high: Hashes, low: Hashes) -> Integers:
        """[n] the place of each id, −1 where it is not."""
        found = np.empty(len(high), np.int64)
        _places(self.table, high, low, found)
        return found

    def told(self, places: Integers) -> tuple[Integers, Hashes, Integers]:
        """Number, body and time of ids by their places."""
        rows = self.table[places]
        numbers = rows[:, SEQUENCE].astype(np.int64) - 1
        return numbers, rows[:, BODY], rows[:, KNOWN].view(np.int64)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return int(self.table.nbytes)


class Frozen:
    """One generation that takes no more ids: [5, n] sorted by the high half of the hash."""

    def __init__(self, file: Kept, rows: NDArray[np.uint64] | None = None) -> None:
        self.file = file
        self._rows = rows
        rows = self.rows
        self.count = rows.shape[1]
        self._filter = bloom.of(np.ascontiguousarray(rows[HIGH]))
        self.first = int(rows[SEQUENCE].min())
        self.latest = int(rows[KNOWN].view(np.int64).max())

    @classmethod
    def of(cls, table: NDArray[np.uint64], near: Path | None) -> "Frozen":
        """The ids of a table, sorted and written where there is a place."""
        used = table[table[:, SEQUENCE] > 0]
        rows = np.ascontiguousarray(used[np.argsort(used[:, HIGH], kind="stable")].T)
        rows[SEQUENCE] -= np.uint64(1)
        return cls._kept(rows, near)

    @classmethod
    def joined(cls, parts: Sequence["Frozen"], near: Path | None) -> "Frozen":
        """Neighbouring generations as one, written; of one id the later one stands behind."""
        rows = np.concatenate([one.rows for one in parts], axis=1)
        rows = np.ascontiguousarray(rows[:, np.argsort(rows[HIGH], kind="stable")])
        return cls._kept(rows, near)

    @classmethod
    def _kept(cls, rows: NDArray[np.uint64], near: Path | None) -> "Frozen":
        file = Kept.written([rows.data.cast("B")], near)
        return cls(file, None if file.on_disk else rows)

    @property
    def rows(self) -> NDArray[np.uint64]:
        """[5, n], from memory or mapped from the file."""
        if self._rows is not None and not self.file.on_disk:
            return self._rows
        if self._rows is None or not isinstance(self._rows, np.memmap):
            flat = np.memmap(self.file.place, np.uint64, "r")
            self._rows = flat.reshape(5, -1)
        return self._rows

    def look(self, high: Hashes, low: Hashes) -> Integers:
        """[n] the column of each id in `rows`, −1 where it is not."""
        found = np.full(len(high), -1, np.int64)
        candidates = np.flatnonzero(bloom.maybe(self._filter, high))
        if len(candidates):
            rows = self.rows
            places = np.searchsorted(rows[HIGH], high[candidates])
            _confirm(rows, places, high, low, candidates, found)
        return found

    def told(self, places: Integers) -> tuple[Integers, Hashes, Integers]:
        """Number, body and time of ids by their columns."""
        rows = self.rows
        times = np.asarray(rows[KNOWN][places]).view(np.int64)
        return rows[SEQUENCE][places].astype(np.int64), np.asarray(rows[BODY][places]), times

    @property
    def nbytes(self) -> int:
        """Bytes of memory, without what the operating system may take back."""
        return self.file.nbytes * bloom.BITS // 320 + self.file.nbytes * (not self.file.on_disk)


class KnownIds:
    """The ids of one session.

    Args:
        horizon: milliseconds; None: for good.
        worker: freezes generations.
        compactor: joins them; the worker, if None.
    """

    def __init__(
        self, horizon: int | None, worker: ThreadPoolExecutor,
        compactor: ThreadPoolExecutor | None = None,
    ) -> None:  # fmt: skip
        self.horizon = np.int64(2**62) if horizon is None else np.int64(horizon)
        self.frozen: list[Frozen] = []
        self.count = 0
        self._table = np.zeros((2**10, 5), np.uint64)
        self._worker, self._compactor = worker, compactor or worker
        self._coming = Readying()
        self._sealed: list[tuple[Sealed, Future[Frozen]]] = []
        self._joining: tuple[list[Frozen], Future[Frozen]] | None = None

    def enter(
        self, high: Hashes, low: Hashes, bodies: Hashes, known: Integers, taken: NDArray[np.bool_],
        first: int,
    ) -> Verdicts:  # fmt: skip
        """Look a batch up and enter what is new, numbered from `first` on.

        Args:
            high, low, bodies: [n] hashes of ids and of what was sent with them.
            known: [n] milliseconds: when each came.
            taken: [n] False where a row is refused and must leave no trace.
        """
        size = len(high)
        self._room(size)
        older = np.full(size, -1, np.int64)
        bodies_then = np.zeros(size, np.uint64)
        earliest = int(known.min()) if size else 0
        for generation in self._generations():
            if earliest - generation.latest > self.horizon:
                continue
            places = generation.look(high, low)
            hits = np.flatnonzero((places >= 0) & (older < 0))
            if len(hits):
                numbers, told, times = generation.told(places[hits])
                near = known[hits] - times <= self.horizon
                older[hits[near]], bodies_then[hits[near]] = numbers[near], told[near]
        kinds, sequences = np.empty(size, np.int8), np.full(size, -1, np.int64)
        self.count += _enter(
            self._table, high, low, bodies, known, taken, older, bodies_then, self.horizon,
            np.int64(first), kinds, sequences,
        )  # fmt: skip
        return Verdicts(kinds=kinds, sequences=sequences)

    def find(self, high: Hashes, low: Hashes) -> Integers:
        """[n] the number of the latest transaction with each id, −1 where there is none."""
        found = np.empty(len(high), np.int64)
        _find(self._table, high, low, found)
        for generation in self._generations():
            left = np.flatnonzero(found < 0)
            if not len(left):
                break
            places = generation.look(high[left], low[left])
            hits = places >= 0
            found[left[hits]] = generation.told(places[hits])[0]
        return found

    def freeze_if_full(self, near: Path | None) -> bool:
        """Begin a new generation where this one is full; a file near `near` keeps the old one."""
        self.take_over()
        if self.count < GENERATION:
            return False
        told = self._worker.submit(Frozen.of, self._table, near)
        self._sealed.append((Sealed(self._table), told))
        self._table = self._coming.take(len(self._table), self._table)
        self.count = 0
        small = [one for one in self.frozen if one.count < GENERATION * JOINED]
        if self._joining is None and len(small) >= JOINED:
            parts = small[:JOINED]
            self._joining = parts, self._compactor.submit(Frozen.joined, parts, near)
        return True

    def take_over(self, *, wait: bool = False) -> None:
        """Use what the background has finished; `wait` for generations that are being frozen."""
        while self._sealed and (wait or self._sealed[0][1].done()):
            sealed, told = self._sealed.pop(0)
            if (error := told.exception()) is not None:
                log.error("ids could not be frozen in the background", exc_info=error)
                self.frozen.append(Frozen.of(sealed.table, None))
            else:
                self.frozen.append(told.result())
        if self._joining is not None and self._joining[1].done():
            parts, joined = self._joining
            self._joining = None
            if (error := joined.exception()) is not None:
                log.error("generations of ids could not be joined", exc_info=error)
            elif all(one in self.frozen for one in parts):
                at = self.frozen.index(parts[0])
                self.frozen[at : at + len(parts)] = [joined.result()]
                # Their files have no names: the system gets the room back now, which takes a while.
                self._compactor.submit(parts.clear)

    def unfrozen_from(self, newest: int) -> int:
        """The first number whose id no frozen generation has; `newest` where the newest begins."""
        return self._sealed[0][0].first if self._sealed else newest

    def forget_before(self, sequence: int) -> None:
        """Drop generations of which every transaction is older than `sequence`."""
        starts = [generation.first for generation in self.frozen[1:]]
        for start in starts:
            if start > sequence:
                break
            self.frozen.pop(0)

    @property
    def nbytes(self) -> int:
        """Bytes of memory, without what the operating system may take back."""
        older = sum(one.nbytes for one in self._generations())
        return int(self._table.nbytes) + self._coming.nbytes + older

    def _generations(self) -> Iterator[Sealed | Frozen]:
        """The newest first."""
        yield from (one for one, _ in reversed(self._sealed))
        yield from reversed(self.frozen)

    def _room(self, size: int) -> None:
        if len(self._table) > GENERATION:
            self._coming.get_on(len(self._table), self._table, size)
        while (self.count + size) * 2 > len(self._table):
            wider = np.zeros((len(self._table) * 2, 5), np.uint64)
            _moved(self._table, wider)
            self._table = wider


@compiled
def _confirm(rows, places, high, low, candidates, found):  # type: ignore[no-untyped-def]
    for n in range(len(candidates)):
        row, at = candidates[n], places[n]
        # Of one id that was entered twice, the later one counts: it stands behind.
        while at < rows.shape[1] and rows[0, at] == high[row]:
            if rows[1, at] == low[row] and (found[row] < 0 or rows[3, at] > rows[3, found[row]]):
                found[row] = at
            at += 1


@inlined
def _slot(table, high, low):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(table) - 1)
    slot = high & mask
    while table[slot, 3] != 0 and (table[slot, 0] != high or table[slot, 1] != low):
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _moved(table, wider):  # type: ignore[no-untyped-def]
    for n in range(len(table)):
        if table[n, 3] != 0:
            slot = _slot(wider, table[n, 0], table[n, 1])
            wider[slot] = table[n]


@compiled
def _find(table, high, low, found):  # type: ignore[no-untyped-def]
    for n in range(len(high)):
        slot = _slot(table, high[n], low[n])
        found[n] = np.int64(table[slot, 3]) - 1


@compiled
def _places(table, high, low, found):  # type: ignore[no-untyped-def]
    for n in range(len(high)):
        slot = _slot(table, high[n], low[n])
        found[n] = np.int64(slot) if table[slot, 3] != 0 else -1


@compiled
def _enter(  # type: ignore[no-untyped-def]
    table, high, low, bodies, known, taken, older, bodies_then, horizon, first, kinds, sequences
):
    """Row by row, so that an id that comes twice in one batch is seen the second time.

    A slot's fourth word is the number plus one; zero is an empty slot.
    """
    entered = 0
    added = first
    for n in range(len(high)):
        if not taken[n]:
            kinds[n] = 0
            continue
        slot = _slot(table, high[n], low[n])
        filled = table[slot, 3] != 0
        if filled and known[n] - np.int64(table[slot, 4]) <= horizon:
            kinds[n] = 1 if table[slot, 2] == bodies[n] else 2
            sequences[n] = np.int64(table[slot, 3]) - 1
        elif older[n] >= 0:
            kinds[n] = 1 if bodies_then[n] == bodies[n] else 2
            sequences[n] = older[n]
        else:
            kinds[n] = 0
            sequences[n] = added
            table[slot, 0], table[slot, 1], table[slot, 2] = high[n], low[n], bodies[n]
            table[slot, 3], table[slot, 4] = np.uint64(added + 1), np.uint64(known[n])
            entered += 0 if filled else 1
            added += 1
    return entered
