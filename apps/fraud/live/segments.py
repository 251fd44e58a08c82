"""Stretches of the log that no longer change: one file of columns, one of filters.

Fresh ones are Arrow IPC files with the features that were told; compacted ones are Parquet without
them, since replay makes them again. `facts` of each, which a snapshot's manifest lists, are the
index by time and sequence; the filters say which segments may know an entity.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from apps.fraud.live import bloom, hashing
from apps.fraud.live.encoding import Columns, column
from apps.fraud.live.files import Kept
from apps.fraud.live.segment_index import Facts, Index, entity_hashes
from loupe.contract.runtime.urgency import yields

BATCH_ROWS = 8_192
"""Rows that are read together, of an Arrow file."""
GROUP_ROWS = 8 * BATCH_ROWS
"""The same of a Parquet file."""


class Segment:
    """One segment; its files may still be in memory."""

    def __init__(self, facts: Facts, file: Kept, filters: Kept) -> None:
        self.facts, self.file, self.filters = facts, file, filters

    @classmethod
    def fresh(
        cls, first: int, parts: Sequence[pa.RecordBatch], key: hashing.Key, near: Path | None
    ) -> "Segment":
        """Of record batches, compressed lightly: for the hours in which it is read most.

        In one thread and piece by piece: the other processor is the writer's, and no second copy of
        all rows is made.
        """
        table = pa.Table.from_batches(parts)
        index = Index(key)
        index.add(table)
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1), use_threads=False)
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            for start in range(0, table.num_rows, BATCH_ROWS):
                writer.write_table(table.slice(start, BATCH_ROWS).combine_chunks())
        facts, filters = index.told(first, "arrow")
        content = memoryview(sink.getvalue())
        return cls(facts, Kept.written([content], near), Kept.written(filters, near))

    @property
    def nbytes(self) -> int:
        """Of both files."""
        return self.file.nbytes + self.filters.nbytes

    def may_know(self, entity: str, hashed: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """[n] whether a transaction of each entity may be here; False is certain."""
        place = self.facts.entities.get(entity)
        if place is None:
            return np.zeros(len(hashed), np.bool_)
        return bloom.maybe(self._words[place[0] : place[0] + place[1]], hashed)

    def table(self, names: Sequence[str] | None = None) -> pa.Table:
        """All rows of the columns that are named and there."""
        return pa.concat_tables(part for _, part in self._parts(names, None))

    def rows(self, offsets: NDArray[np.int64], names: Sequence[str]) -> pa.Table:
        """The rows at ascending offsets, of the columns that are named and there."""
        size = GROUP_ROWS if self.facts.form == "parquet" else BATCH_ROWS
        wanted = set((offsets // size).tolist())
        pieces = [
            part.take(pa.array(offsets[offsets // size == n] % size))
            for n, part in self._parts(names, wanted)
        ]
        return pa.concat_tables(pieces)

    def pieces(self, names: Sequence[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
        """Number of the first row, and a piece of the rows: all of them, in order."""
        at = self.facts.first
        for _, part in self._parts(names, None):
            yield at, part
            at += part.num_rows

    def _parts(
        self, names: Sequence[str] | None, wanted: set[int] | None
    ) -> Iterator[tuple[int, pa.Table]]:
        # Arrow's threads are everybody's and take after whoever starts them.
        threads = not yields()
        if self.facts.form == "parquet":
            file = pq.ParquetFile(self._source())
            there = file.schema_arrow.names
            kept = None if names is None else [name for name in names if name in there]
            for n in range(file.num_row_groups):
                if wanted is None or n in wanted:
                    yield n, file.read_row_group(n, columns=kept, use_threads=threads)
            return
        with pa.ipc.open_file(self._source()) as file:
            there, count = file.schema.names, file.num_record_batches
        options = pa.ipc.IpcReadOptions(
            use_threads=threads,
            included_fields=None
            if names is None
            else [there.index(name) for name in names if name in there],
        )
        with pa.ipc.open_file(self._source(), options=options) as file:
            for n in range(count):
                if wanted is None or n in wanted:
                    yield n, pa.Table.from_batches([file.get_batch(n)])

    def schema(self) -> pa.Schema:
        """Of its columns."""
        if self.facts.form == "parquet":
            return pq.ParquetFile(self._source()).schema_arrow
        with pa.ipc.open_file(self._source()) as file:
            return file.schema

    def _source(self) -> pa.NativeFile:
        if self.file.on_disk:
            return pa.memory_map(self.file.place)
        return pa.BufferReader(self.file.content())

    @cached_property
    def _words(self) -> bloom.Words:
        if self.filters.on_disk:
            return np.fromfile(self.filters.place, np.uint64)
        return np.frombuffer(self.filters.content(), np.uint64)


def as_columns(table: pa.Table) -> Mapping[str, NDArray[np.generic]]:
    """A table as numpy columns."""
    found: Columns = {name: column(table[name]) for name in table.column_names}
    return found


__all__ = ["BATCH_ROWS", "GROUP_ROWS", "Facts", "Segment", "as_columns", "entity_hashes"]
