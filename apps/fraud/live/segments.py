"""Stretches of the log that no longer change: one file of columns, one of filters.

Fresh ones are Arrow IPC files with the features that were told; compacted ones are Parquet without
them, since replay makes them again. `facts` of each, which a snapshot's manifest lists, are the
index by time and sequence; the filters say which segments may know an entity.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from apps.fraud.events import ENTITY, FEATURE
from apps.fraud.live import bloom, hashing
from apps.fraud.live.encoding import Columns, column
from apps.fraud.live.files import Kept

BATCH_ROWS = 8_192
"""Rows that are read together, of an Arrow file; of a Parquet file eight times as many."""


class Facts(BaseModel):
    """What is known of a segment without opening it; times are milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    rows: int
    form: Literal["arrow", "parquet"]
    earliest_event: int
    latest_event: int
    earliest_known: int
    latest_known: int
    entities: dict[str, tuple[int, int]]
    """By entity: where its filter lies among the filters, in words."""

    @property
    def end(self) -> int:
        """The number after its last transaction."""
        return self.first + self.rows


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
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1), use_threads=False)
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            for start in range(0, table.num_rows, BATCH_ROWS):
                writer.write_table(table.slice(start, BATCH_ROWS).combine_chunks())
        return cls._of(table, first, "arrow", sink, key, near)

    @classmethod
    def compact(
        cls, sources: Sequence["Segment"], key: hashing.Key, near: Path | None
    ) -> "Segment":
        """Of neighbouring segments, without their features."""
        tables = [source.table() for source in sources]
        kept = [
            table.select([name for name in table.column_names if not name.startswith(FEATURE)])
            for table in tables
        ]
        table = pa.concat_tables(kept, promote_options="default").combine_chunks()
        sink = pa.BufferOutputStream()
        integers = [field.name for field in table.schema if pa.types.is_integer(field.type)]
        words = [field.name for field in table.schema if pa.types.is_string(field.type)]
        pq.write_table(
            table, sink, compression="zstd", compression_level=9, row_group_size=8 * BATCH_ROWS,
            use_dictionary=[name for name in words if name != "id"],
            column_encoding={
                **dict.fromkeys(integers, "DELTA_BINARY_PACKED"), "id": "DELTA_BYTE_ARRAY",
            },
            write_statistics=False,
        )  # fmt: skip
        return cls._of(table, sources[0].facts.first, "parquet", sink, key, near)

    @classmethod
    def _of(
        cls, table: pa.Table, first: int, form: Literal["arrow", "parquet"],
        sink: pa.BufferOutputStream, key: hashing.Key, near: Path | None,
    ) -> "Segment":  # fmt: skip
        filters, places, at = [], {}, 0
        for name in table.column_names:
            if name.startswith(ENTITY):
                values = column(table[name].unique())
                words = bloom.of(entity_hashes(values[values != ""], key))
                filters.append(words.data.cast("B"))
                places[name.removeprefix(ENTITY)] = (at, len(words))
                at += len(words)
        event, known = column(table["event_time"]), column(table["known_at"])
        facts = Facts(
            first=first, rows=table.num_rows, form=form, entities=places,
            earliest_event=int(event.min()), latest_event=int(event.max()),
            earliest_known=int(known.min()), latest_known=int(known.max()),
        )  # fmt: skip
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
        size = BATCH_ROWS * (8 if self.facts.form == "parquet" else 1)
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
        if self.facts.form == "parquet":
            file = pq.ParquetFile(self._source())
            there = file.schema_arrow.names
            kept = None if names is None else [name for name in names if name in there]
            for n in range(file.num_row_groups):
                if wanted is None or n in wanted:
                    yield n, file.read_row_group(n, columns=kept)
            return
        with pa.ipc.open_file(self._source()) as file:
            there, count = file.schema.names, file.num_record_batches
        options = None
        if names is not None:
            options = pa.ipc.IpcReadOptions(
                included_fields=[there.index(name) for name in names if name in there]
            )
        with pa.ipc.open_file(self._source(), options=options) as file:
            for n in range(count):
                if wanted is None or n in wanted:
                    yield n, pa.Table.from_batches([file.get_batch(n)])

    def _source(self) -> pa.NativeFile:
        if self.file.on_disk:
            return pa.memory_map(self.file.place)
        return pa.BufferReader(self.file.content())

    @cached_property
    def _words(self) -> bloom.Words:
        if self.filters.on_disk:
            return np.fromfile(self.filters.place, np.uint64)
        return np.frombuffer(self.filters.content(), np.uint64)


def entity_hashes(values: NDArray[np.generic], key: hashing.Key) -> NDArray[np.uint64]:
    """[n] what filters know an entity's identifiers by."""
    return hashing.chained(np.zeros(len(values), np.uint64), values, key)


def as_columns(table: pa.Table) -> Mapping[str, NDArray[np.generic]]:
    """A table as numpy columns."""
    found: Columns = {name: column(table[name]) for name in table.column_names}
    return found
