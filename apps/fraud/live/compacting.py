"""Neighbouring segments become one, as Parquet without their features, which replay makes again.

Rows go through a row group at a time and straight into the file, so a million of them take no more
memory than one group does.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from apps.fraud.events import FEATURE
from apps.fraud.live import hashing
from apps.fraud.live.files import Kept
from apps.fraud.live.segment_index import Index
from apps.fraud.live.segments import GROUP_ROWS, Segment


def compact(sources: Sequence[Segment], key: hashing.Key, near: Path | None) -> Segment:
    """One segment of neighbouring ones; what some of them have not stands empty in their rows.

    Raises:
        OSError: the disk is full.
        pa.ArrowException: a column has one type here and another there.
    """
    schema = _schema(sources)
    index = Index(key)

    def write(sink: pa.NativeFile) -> None:
        with pq.ParquetWriter(sink, schema, **_form(schema)) as writer:
            for group in _groups(sources, schema):
                index.add(group)
                writer.write_table(group, row_group_size=GROUP_ROWS)

    file = Kept.streamed(write, near)
    facts, filters = index.told(sources[0].facts.first, "parquet")
    return Segment(facts, file, Kept.written(filters, near))


def _schema(sources: Sequence[Segment]) -> pa.Schema:
    """All columns but those of features."""
    whole = pa.unify_schemas([source.schema() for source in sources])
    return pa.schema([field for field in whole if not field.name.startswith(FEATURE)])


def _form(schema: pa.Schema) -> dict[str, object]:
    integers = [field.name for field in schema if pa.types.is_integer(field.type)]
    words = [field.name for field in schema if pa.types.is_string(field.type)]
    return {
        "compression": "zstd", "compression_level": 9, "write_statistics": False,
        "use_dictionary": [name for name in words if name != "id"],
        "column_encoding": {
            **dict.fromkeys(integers, "DELTA_BINARY_PACKED"), "id": "DELTA_BYTE_ARRAY",
        },
    }  # fmt: skip


def _groups(sources: Sequence[Segment], schema: pa.Schema) -> Iterator[pa.Table]:
    """All rows, `GROUP_ROWS` at a time: readers find a row's group by its number."""
    held, rows = [], 0
    for source in sources:
        for _, piece in source.pieces(schema.names):
            held.append(_whole(piece, schema))
            rows += piece.num_rows
            if rows >= GROUP_ROWS:
                together = pa.concat_tables(held)
                for at in range(0, rows - GROUP_ROWS + 1, GROUP_ROWS):
                    yield together.slice(at, GROUP_ROWS).combine_chunks()
                held, rows = [together.slice(rows - rows % GROUP_ROWS)], rows % GROUP_ROWS
    if rows:
        yield pa.concat_tables(held).combine_chunks()


def _whole(piece: pa.Table, schema: pa.Schema) -> pa.Table:
    """A piece with all columns, in their order."""
    there = set(piece.column_names)
    columns = [
        piece[field.name] if field.name in there else _empty(field.type, piece.num_rows)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _empty(kind: pa.DataType, count: int) -> pa.Array:
    """What stands for nothing in a column of that type."""
    nothing = "" if pa.types.is_string(kind) else float("nan") if pa.types.is_floating(kind) else 0
    return pa.repeat(pa.scalar(nothing).cast(kind), count)
