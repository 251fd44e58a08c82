"""Parquet: declared sizes first, then one row group after the other in batches.

A range is a part of a row group. Reading it again from the start of its group costs that group's
pages, so the last place is remembered: ranges that come in order are read in one go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from apps.fraud.tables.arrow_columns import check_types, raw_of, readable
from apps.fraud.tables.delimited import too_many_columns
from apps.fraud.tables.limits import (
    MOST_CHUNK,
    MOST_COLUMNS,
    MOST_FILE_ROWS,
    MOST_FOOTER,
    MOST_UNPACKING,
    SUSPECT_BYTES,
)
from apps.fraud.tables.raw import MOST_ROWS, Table
from loupe.contract.runtime.errors import InputRefused

_BUFFER = 2**20
Identity = tuple[int, int, int, int]


def identity(path: Path) -> Identity:
    """What tells one file from another while it lies there."""
    status = path.stat()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def opened(path: Path) -> pq.ParquetFile:
    """The file with its footer read.

    Raises:
        InputRefused: it is cut, damaged, too wide, or its footer is too large.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        tail = file.read(8)
    footer = int.from_bytes(tail[:4], "little")
    if size < 12 or tail[4:] != b"PAR1" or footer + 12 > size:
        raise InputRefused(
            "The Parquet file has no end: it was cut off on its way. Send it again.",
            code="parquet_truncated",
        )
    if footer > MOST_FOOTER:
        raise InputRefused(
            f"The Parquet file describes itself in {footer:,} bytes; at most {MOST_FOOTER:,} are "
            "read.",
            code="too_many_columns",
        )
    with readable(damaged):
        found = pq.ParquetFile(
            path,
            pre_buffer=False,
            buffer_size=_BUFFER,
            thrift_string_size_limit=MOST_FOOTER,
            thrift_container_size_limit=10**6,
        )
    if found.metadata.num_columns > MOST_COLUMNS:
        raise too_many_columns(found.metadata.num_columns)
    return found


def names_of(file: pq.ParquetFile) -> tuple[str, ...]:
    """The columns of a file, in order."""
    with readable(damaged):
        return tuple(file.schema_arrow.names)


def check(file: pq.ParquetFile, wanted: Sequence[str]) -> None:
    """Look at what the file declares of itself, before anything is unpacked.

    Raises:
        InputRefused: a mapped column is nested, or declares more than memory has, or there are more
            rows than any file has.
    """
    with readable(damaged):
        check_types(file.schema_arrow, tuple(wanted))
        _check_sizes(file, wanted)


def _check_sizes(file: pq.ParquetFile, wanted: Sequence[str]) -> None:
    meta = file.metadata
    if not 0 <= meta.num_rows <= MOST_FILE_ROWS:
        raise InputRefused(
            f"The Parquet file declares {meta.num_rows:,} rows; at most {MOST_FILE_ROWS:,} are "
            "taken.",
            code="too_many_rows",
        )
    named = set(wanted)
    for group in range(meta.num_row_groups):
        chunks = meta.row_group(group)
        mapped = [
            chunk
            for chunk in (chunks.column(index) for index in range(chunks.num_columns))
            if chunk.path_in_schema.split(".")[0] in named
        ]
        unpacked = sum(max(0, chunk.total_uncompressed_size) for chunk in mapped)
        stored = sum(max(1, chunk.total_compressed_size) for chunk in mapped)
        bomb = unpacked > SUSPECT_BYTES and unpacked > MOST_UNPACKING * stored
        if unpacked > MOST_CHUNK or bomb:
            raise InputRefused(
                f"Row group {group} unpacks to {unpacked:,} bytes from {stored:,}; at most "
                f"{MOST_CHUNK:,} are read at once. Write smaller row groups.",
                code="parquet_too_large",
            )


def groups(file: pq.ParquetFile) -> list[int]:
    """Rows of each row group."""
    meta = file.metadata
    return [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]


@dataclass
class _Place:
    """Where the last range ended."""

    file: Identity
    group: int
    columns: tuple[str, ...]
    at: int
    batches: Iterator[pa.RecordBatch]
    left: pa.Table | None = None


_places: list[_Place] = []


def read(path: Path, group: int, skip: int, rows: int, wanted: Sequence[str], row: int) -> Table:
    """`rows` rows of a row group, from its row `skip` on.

    Args:
        row: the number of the first of them in the file, from 1.

    Raises:
        InputRefused: the file is damaged there, or it is not what it declares.
    """
    columns = tuple(wanted)
    with readable(damaged):
        place = _place(path, group, skip, columns)
        # While it is read it is nobody's: a place in a damaged file is not come back to.
        place, table = _taken(place, skip, rows)
        raws = {name: raw_of(table[name]) for name in columns if name in table.column_names}
    _places[:] = [place]
    return Table(raws, np.arange(row, row + table.num_rows, dtype=np.int64))


def _place(path: Path, group: int, skip: int, columns: tuple[str, ...]) -> _Place:
    """The remembered place, where the range lies behind it, else the start of the row group."""
    mine = identity(path)
    for place in _places:
        if (place.file, place.group, place.columns) == (mine, group, columns) and place.at <= skip:
            _places.clear()
            return place
    file = opened(path)
    check(file, columns)
    if not 0 <= group < file.metadata.num_row_groups:
        raise InputRefused(f"The Parquet file has no row group {group}.", code="parquet_damaged")
    there = [name for name in columns if name in set(names_of(file))]
    batches = file.iter_batches(
        batch_size=MOST_ROWS, row_groups=[group], columns=there, use_threads=False
    )
    return _Place(file=mine, group=group, columns=columns, at=0, batches=iter(batches))


def _taken(place: _Place, skip: int, rows: int) -> tuple[_Place, pa.Table]:
    """The rows from `skip` on, and the place behind them."""
    parts: list[pa.Table] = []
    missing = rows
    while missing:
        if place.left is None:
            batch = next(place.batches, None)
            if batch is None:
                break
            place.left = pa.Table.from_batches([batch])
        here = place.left
        over = min(max(0, skip - place.at), here.num_rows)
        take = min(missing, here.num_rows - over)
        if take:
            parts.append(here.slice(over, take))
        place.at += over + take
        missing -= take
        rest = here.slice(over + take)
        place.left = rest if rest.num_rows else None
    if missing:
        raise pa.ArrowInvalid(f"a row group ended {missing} rows before what it declares")
    return place, pa.concat_tables(parts)


def damaged(error: Exception) -> InputRefused:
    """The refusal of a file that cannot be read to its end."""
    why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return InputRefused(
        f"The Parquet file is damaged: {why}. Write it again and send it again.",
        code="parquet_damaged",
    )
