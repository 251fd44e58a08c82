"""The log of one session: every transaction in the order of arrival, columnar, append-only.

The newest rows are record batches in memory; the engine's journal already has them on the disk.
Every `SEGMENT_ROWS` they become a segment, compressed and written in the background, so nothing is
synced twice and a snapshot finds almost everything written. Segments older than the policy asks
for are joined into Parquet without their features.
"""

import logging
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from apps.fraud.events import FEATURE
from apps.fraud.live import encoding, hashing
from apps.fraud.live.compacting import compact
from apps.fraud.live.limits import COMPACT_ROWS, SEGMENT_ROWS, UNWRITTEN_ROWS, WAITING_ROWS
from apps.fraud.live.segments import Segment
from apps.fraud.live.stretches import Rows, Still
from apps.fraud.live.tail import Piece, Tail, of_one_form

Array = NDArray[np.generic]
Integers = NDArray[np.int64]
PART_ROWS = 1_024
logger = logging.getLogger(__name__)


class Log:
    """One session's transactions.

    Args:
        key: of the hashes in filters.
        worker: compresses and writes beside the writer.
        near: a folder on the disk of snapshots, once there is one.
        compactor: compacts, which takes seconds; where it is the worker, new segments wait for it.
        tail_writer: writes rows that are no segment yet before a snapshot, which waits for that and
            not for segments; the worker, if None.

    Attributes:
        first, end: the number of the first row, and the one after the last.
        waited_s: how long the writer stood still, all in all, because segments could not follow.
    """

    def __init__(
        self, key: hashing.Key, worker: ThreadPoolExecutor, near: Path | None,
        compactor: ThreadPoolExecutor | None = None, tail_writer: ThreadPoolExecutor | None = None,
    ) -> None:  # fmt: skip
        self.key, self.worker, self.near = key, worker, near
        self.compactor, self.tail_writer = compactor or worker, tail_writer or worker
        self.segments: list[Segment] = []
        self._tail = Tail()
        self.first = self.end = 0
        self._parts: list[pa.RecordBatch] = []
        self._parts_rows = 0
        self._loose: list[tuple[Mapping[str, Array], tuple[str, ...], NDArray[np.float32] | None]]
        self._loose, self._loose_rows = [], 0
        self._closing: list[tuple[Rows, Future[Segment]]] = []
        self._joining: tuple[int, int, Future[Segment]] | None = None
        self.waited_s = 0.0

    def append(
        self, columns: Mapping[str, Array], names: tuple[str, ...],
        values: NDArray[np.float32] | None,
    ) -> int:  # fmt: skip
        """Enter rows with the features that were told of them; returns the first one's number."""
        first, count = self.end, len(columns["id"])
        if not count:
            return first
        self._loose.append((columns, names, values))
        self._loose_rows += count
        self.end += count
        if self._loose_rows >= PART_ROWS:
            self._gather()
            self.take_over()
        if self._parts_rows >= SEGMENT_ROWS:
            self.close_part()
        return first

    def close_part(self) -> None:
        """Have the newest rows made a segment in the background."""
        self._gather()
        if self._parts:
            rows = Rows(self.end - self._parts_rows, tuple(self._parts))
            told = self.worker.submit(Segment.fresh, rows.first, rows.parts, self.key, self.near)
            self._closing.append((rows, told))
            self._parts, self._parts_rows = [], 0
        if self.waiting > WAITING_ROWS:
            since = time.perf_counter()
            self._closing[0][1].exception()  # memory stays bounded where the disk cannot follow
            self.waited_s += time.perf_counter() - since
        self.take_over()

    @property
    def waiting(self) -> int:
        """Rows on their way to be segments."""
        return sum(rows.end - rows.first for rows, _ in self._closing)

    def settled(self) -> bool:
        """Whether a snapshot now would write few rows; if not, the background begins to help."""
        self.take_over()
        written = self._written()
        closed = self._closing[-1][0].end if self._closing else written
        if closed <= written and self.end - written <= UNWRITTEN_ROWS:
            return True
        if not self._tail.busy:
            at, runs = self._unwritten()
            self._tail.begin(self.tail_writer, at, runs[0], self.near)
        return False

    def tail(self) -> list[Piece]:
        """Files of all rows that are no segment; what was in none is written to a new one.

        Raises:
            OSError: the disk is full.
        """
        self.take_over()
        self._tail.wait()
        at, runs = self._unwritten()
        for run in runs:
            self._tail.pieces.append(Piece.written(at, run, self.near))
            at = self._tail.pieces[-1].end
        return list(self._tail.pieces)

    def _unwritten(self) -> tuple[int, list[list[pa.RecordBatch]]]:
        """The first row that is in no file, and all from there on, those of one form together."""
        self._gather()
        at = self._written()
        runs: list[list[pa.RecordBatch]] = []
        for first, source in self._stretches():
            if isinstance(source, Segment):
                continue
            parts: list[pa.RecordBatch] = []
            for part in source.parts:
                if first + part.num_rows > at:
                    parts.append(part.slice(max(at - first, 0)))
                first += part.num_rows
            runs += of_one_form(parts)  # what becomes one segment is never in a piece with others
        return at, runs

    def _written(self) -> int:
        """The number after the last row that is in a file, whether of a segment or a piece."""
        return self._tail.end(self.segments[-1].facts.end if self.segments else self.first)

    def adopt(self, pieces: Sequence[Piece], end: int) -> None:
        """Go on from a snapshot's newest rows; the last of them is number ``end - 1``."""
        self._tail.pieces = list(pieces)
        self._parts = [part for piece in pieces for part in piece.batches()]
        self._parts_rows = sum(part.num_rows for part in self._parts)
        self.end = end

    def take_over(self, *, wait: bool = False) -> None:
        """Use what the background has finished; `wait` for all segments that are under way.

        Raises:
            OSError: with `wait`, one of them could not be made; it is tried again.
        """
        while self._closing and (wait or self._closing[0][1].done()):
            rows, told = self._closing[0]
            if (error := told.exception()) is not None:
                # The rows are safe in memory and in the journal: answers do not depend on this.
                logger.error("a segment could not be made", exc_info=error)
                told = self.worker.submit(Segment.fresh, rows.first, rows.parts, self.key, None)
                self._closing[0] = rows, told
                if wait:
                    raise OSError(f"A segment of the log could not be made: {error}")
                return
            self.segments.append(told.result())
            # Giving back its memory takes a while; the background has it last.
            self._closing.pop(0)
            self.worker.submit(_let_go, [rows])
            del rows
        if self._joining is not None and self._joining[2].done():
            start, stop, told = self._joining
            self._joining = None
            if (error := told.exception()) is not None:
                logger.error("segments could not be joined", exc_info=error)
            else:
                self.segments[start:stop] = [told.result()]

    def join_older_than(self, known: int, *, least: int | None = None) -> int:
        """Begin to compact segments of which every row was known before `known`.

        Args:
            least: rows that are worth it; `COMPACT_ROWS`, the most that are joined, if None.

        Returns:
            how many such segments still hold their features, those under way among them.
        """
        self.take_over()
        start = rows = stop = waiting = 0
        chosen: tuple[int, int] | None = None
        for place, segment in enumerate(self.segments):
            if segment.facts.form == "parquet" and segment.facts.rows * 2 > COMPACT_ROWS:
                start, rows = place + 1, 0
                continue
            if segment.facts.latest_known >= known:
                break
            waiting += segment.facts.form == "arrow"
            rows, stop = rows + segment.facts.rows, place + 1
            if chosen is None and rows >= COMPACT_ROWS:
                chosen = start, stop
        if chosen is None and stop > start and rows >= (COMPACT_ROWS if least is None else least):
            chosen = start, stop
        if chosen is not None and waiting and self._joining is None:
            sources = self.segments[slice(*chosen)]
            told = self.compactor.submit(compact, sources, self.key, self.near)
            self._joining = (*chosen, told)
        return waiting

    def drop_before(self, sequence: int) -> None:
        """Forget whole segments before `sequence`."""
        self.take_over()
        if self._joining is None:
            while self.segments and self.segments[0].facts.end <= sequence:
                self.segments.pop(0)
            stretches = self._stretches()
            self.first = stretches[0][0] if stretches else self.end

    def still(self) -> "Still":
        """The log as it is now, for another thread: what it refers to never changes."""
        return Still(self._stretches(), self.end)

    def pieces(
        self, first: int, stop: int, names: Sequence[str] | None = None
    ) -> Iterator[tuple[int, dict[str, Array]]]:
        """As `Still.pieces`, of the log as it is now."""
        return self.still().pieces(first, stop, names)

    def rows(self, sequences: Integers, names: Sequence[str]) -> dict[str, Array]:
        """Columns of single rows, in the order asked for; what a row has not stands empty.

        `sequences` lie between `first` and `end`.
        """
        found: dict[str, Array] = {}
        stretches = self._stretches()
        starts = [start for start, _ in stretches]
        homes = np.array([bisect_right(starts, at) - 1 for at in sequences.tolist()], np.int64)
        for home in sorted(set(homes.tolist())):
            mine = np.flatnonzero(homes == home)
            offsets, back = np.unique(sequences[mine] - starts[home], return_inverse=True)
            table = stretches[home][1].rows(offsets, names)
            for name in names:
                if name in table.column_names:
                    column = encoding.column(table[name])[back]
                    _put(found, name, mine, column, len(sequences))
        for name in names:
            if name not in found:
                found[name] = encoding.absent(name, len(sequences))
        return found

    def holders(
        self, entity: str, hashed: NDArray[np.uint64]
    ) -> Iterator[tuple[int, Segment | Rows]]:
        """The stretches that may know one of these entities, the newest first."""
        for start, source in reversed(self._stretches()):
            if not isinstance(source, Segment) or source.may_know(entity, hashed).any():
                yield start, source

    def between(self, earliest: int, latest: int) -> Iterator[tuple[int, Segment | Rows]]:
        """The stretches with events of a stretch of time, in milliseconds, the newest first."""
        for start, source in reversed(self._stretches()):
            if not isinstance(source, Segment) or (
                source.facts.latest_event >= earliest and source.facts.earliest_event <= latest
            ):
                yield start, source

    def _stretches(self) -> list[tuple[int, Segment | Rows]]:
        found: list[tuple[int, Segment | Rows]]
        found = [(segment.facts.first, segment) for segment in self.segments]
        found += [(rows.first, rows) for rows, _ in self._closing]
        newest = list(self._parts)
        if self._loose:
            newest += self._encoded()
        if newest:
            rows = Rows(self.end - self._parts_rows - self._loose_rows, tuple(newest))
            found.append((rows.first, rows))
        return found

    def _gather(self) -> None:
        self._parts += self._encoded()
        self._parts_rows += self._loose_rows
        self._loose, self._loose_rows = [], 0

    def _encoded(self) -> list[pa.RecordBatch]:
        """Loose rows as record batches, those of one form together."""
        found: list[pa.RecordBatch] = []
        at = 0
        while at < len(self._loose):
            columns, names, _ = self._loose[at]
            stop = at + 1
            while stop < len(self._loose) and _alike(self._loose[at], self._loose[stop]):
                stop += 1
            if stop > at + 1:
                some = self._loose[at:stop]
                columns = {name: np.concatenate([one[0][name] for one in some]) for name in columns}
            tables = [one[2] for one in self._loose[at:stop] if one[2] is not None]
            found.append(encoding.batch(columns, names, tables))
            at = stop
        return found


def _let_go(rows: list[Rows]) -> None:
    rows.clear()


def _alike(
    one: tuple[Mapping[str, Array], tuple[str, ...], NDArray[np.float32] | None],
    other: tuple[Mapping[str, Array], tuple[str, ...], NDArray[np.float32] | None],
) -> bool:
    return (
        one[0].keys() == other[0].keys()
        and one[1] == other[1]
        and (one[2] is None) == (other[2] is None)
    )


def _put(found: dict[str, Array], name: str, rows: Integers, column: Array, count: int) -> None:
    if name not in found:
        if name.startswith(FEATURE) or column.dtype.kind != "f":
            found[name] = encoding.absent(name, count)
        else:
            found[name] = np.full(count, np.nan)
    if column.dtype.kind == "U" and column.dtype.itemsize > found[name].dtype.itemsize:
        found[name] = found[name].astype(column.dtype)
    found[name][rows] = column
