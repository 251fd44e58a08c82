"""Arrow IPC files and streams: record batches by their place.

The batches of a file are found by its footer. A span of batches of a stream is read as a stream of
its own: the schema, the dictionaries that came before, the batches.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from apps.fraud.tables.arrow_columns import check_types, raw_of, readable
from apps.fraud.tables.arrow_messages import Kind, Message, blocks, damaged, messages
from apps.fraud.tables.delimited import too_many_columns
from apps.fraud.tables.formats import Format
from apps.fraud.tables.limits import MOST_BATCH, MOST_COLUMNS
from apps.fraud.tables.parquet import Identity, identity
from apps.fraud.tables.raw import MOST_ROWS, Table
from loupe.contract.runtime.errors import InputRefused

_MOST_DICTIONARIES = 256


@dataclass(frozen=True, kw_only=True)
class Place:
    """Rows of a span of batches.

    Attributes:
        schema, batches: of a stream, bytes from and to; `dictionaries`: the same of each one that
            is needed. Of a file, `batches` are numbers of batches and the others are empty.
        skip, rows: of the rows of the batches, those after so many, and how many.
        row: number of the first in the file, from 1.
    """

    schema: tuple[int, int]
    dictionaries: tuple[tuple[int, int], ...]
    batches: tuple[int, int]
    skip: int
    rows: int
    row: int


@dataclass
class _Seen:
    """What came before a batch."""

    schema: tuple[int, int] | None = None
    dictionaries: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def needed(self) -> tuple[tuple[int, int], ...]:
        return tuple(span for spans in self.dictionaries.values() for span in spans)

    def take(self, message: Message) -> None:
        span = (message.start, message.stop)
        if message.kind is Kind.SCHEMA:
            self.schema = span
            return
        spans = self.dictionaries.setdefault(message.dictionary, [])
        if not message.delta:
            spans.clear()
        spans.append(span)
        if len(self.needed()) > _MOST_DICTIONARIES:
            raise InputRefused(
                f"The Arrow data has more than {_MOST_DICTIONARIES} dictionaries. Write texts as "
                "plain texts.",
                code="too_many_dictionaries",
            )


def places(path: Path, form: Format) -> Iterator[Place]:
    """Ranges of at most `MOST_ROWS` rows; small batches are put together.

    Raises:
        InputRefused: the data is cut or damaged, or a batch is too large.
    """
    whole = form is Format.ARROW_FILE
    seen = _Seen((0, 0) if whole else None)
    row = 1
    gathered: list[Message] = []
    with path.open("rb") as file:
        for message in _found(file, path, whole=whole):
            if message.kind is not Kind.BATCH:
                # A dictionary between batches begins a new span: it may replace another.
                for place in _ranges(seen, gathered, row):
                    row += place.rows
                    yield place
                gathered = []
                seen.take(message)
                continue
            together = sum(one.rows for one in gathered) + message.rows
            memory = sum(one.unpacked for one in gathered) + message.unpacked
            if gathered and (together > MOST_ROWS or memory > MOST_BATCH):
                for place in _ranges(seen, gathered, row):
                    row += place.rows
                    yield place
                gathered = []
            gathered.append(message)
    yield from _ranges(seen, gathered, row)


def _found(file: BinaryIO, path: Path, *, whole: bool) -> Iterator[Message]:
    """The messages of a stream, or of a file, whose batches are numbered by `start` and `stop`."""
    size = path.stat().st_size
    if not whole:
        yield from messages(file, 0, size)
        return
    batches = (one for one in blocks(file, size) if one.kind is Kind.BATCH)
    for number, message in enumerate(batches):
        yield replace(message, start=number, stop=number + 1)


def _ranges(seen: _Seen, gathered: Sequence[Message], row: int) -> Iterator[Place]:
    total = sum(message.rows for message in gathered)
    if not total:
        return
    if seen.schema is None:
        raise damaged("rows come before the schema")
    for skip in range(0, total, MOST_ROWS):
        yield Place(
            schema=seen.schema,
            dictionaries=seen.needed(),
            batches=(gathered[0].start, gathered[-1].stop),
            skip=skip,
            rows=min(MOST_ROWS, total - skip),
            row=row + skip,
        )


def schema_of(path: Path, form: Format) -> pa.Schema:
    """The schema.

    Raises:
        InputRefused: there is none, or it is too wide.
    """
    if form is Format.ARROW_FILE:
        with path.open("rb") as file:
            next(blocks(file, path.stat().st_size, 0, 1), None)
        with readable(_damaged), pa.OSFile(str(path)) as source:
            return _narrow(pa.ipc.open_file(source).schema)
    with path.open("rb") as file:
        first = next(messages(file, 0, path.stat().st_size), None)
        if first is None or first.kind is not Kind.SCHEMA:
            raise damaged("there is no schema")
        data = _bytes(file, (first.start, first.stop))
    return schema_in(data)


def schema_in(data: bytes) -> pa.Schema:
    """The schema of a stream, of which `data` is at least the first message."""
    with readable(_damaged):
        return _narrow(pa.ipc.read_schema(pa.py_buffer(data)))


def _narrow(schema: pa.Schema) -> pa.Schema:
    """The schema, if it is not too wide and its names are text."""
    if len(schema) > MOST_COLUMNS or not all(isinstance(name, str) for name in schema.names):
        raise too_many_columns(len(schema))
    return schema


def _damaged(error: Exception) -> InputRefused:
    return damaged(str(error).partition("\n")[0] or type(error).__name__)


def _bytes(file: BinaryIO, span: tuple[int, int]) -> bytes:
    file.seek(span[0])
    return file.read(span[1] - span[0])


_last: list[tuple[Identity, tuple[int, int], tuple[str, ...], pa.Table]] = []


def read(path: Path, form: Format, place: Place, wanted: Sequence[str]) -> Table:
    """The rows of a place.

    Raises:
        InputRefused: the data is damaged, or a mapped column is nested.
    """
    key = (identity(path), place.batches, tuple(wanted))
    if not _last or _last[0][:3] != key:
        take = _of_file if form is Format.ARROW_FILE else _of_stream
        _last[:] = [(*key, take(path, place, tuple(wanted)))]
    table = _last[0][3].slice(place.skip, place.rows)
    with readable(_damaged):
        raws = {name: raw_of(table[name]) for name in table.column_names}
    return Table(raws, np.arange(place.row, place.row + table.num_rows, dtype=np.int64))


def _of_file(path: Path, place: Place, wanted: tuple[str, ...]) -> pa.Table:
    schema = schema_of(path, Format.ARROW_FILE)
    check_types(schema, wanted)
    included = [index for index, name in enumerate(schema.names) if name in set(wanted)]
    first, last = place.batches
    with path.open("rb") as file:
        # They are measured again: what is read now need not be what was cut.
        found = list(blocks(file, path.stat().st_size, max(0, first), max(0, last)))
    if sum(one.kind is Kind.BATCH for one in found) != last - first or last <= first:
        raise damaged(f"there are no batches {first} to {last}")
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=included)
    with readable(_damaged), pa.OSFile(str(path)) as source:
        reader = pa.ipc.open_file(source, options=options)
        table = pa.Table.from_batches([reader.get_batch(number) for number in range(first, last)])
        table.validate(full=True)
    return table


def _of_stream(path: Path, place: Place, wanted: tuple[str, ...]) -> pa.Table:
    with path.open("rb") as file:
        spans = (place.schema, *place.dictionaries, place.batches)
        data = b"".join(_bytes(file, span) for span in spans)
    check_sizes(data)
    return decoded(data, wanted)


def check_sizes(data: bytes, most: int = MOST_BATCH) -> None:
    """Look at what every message declares, before anything is unpacked.

    Raises:
        InputRefused: the data is cut or damaged, or together it unpacks to too much.
    """
    total = sum(message.unpacked for message in messages(io.BytesIO(data), 0, len(data)))
    if total > most:
        raise InputRefused(
            f"The record batches unpack to {total:,} bytes; at most {most:,} are read at "
            "once. Write smaller batches.",
            code="batch_too_large",
        )


def decoded(data: bytes, wanted: tuple[str, ...]) -> pa.Table:
    """The wanted columns of a stream.

    Raises:
        InputRefused: it is damaged, or one of them is nested.
    """
    schema = schema_in(data)
    check_types(schema, wanted)
    included = [index for index, name in enumerate(schema.names) if name in set(wanted)]
    with readable(_damaged):
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=included)
        with pa.ipc.open_stream(pa.py_buffer(data), options=options) as reader:
            table = reader.read_all()
        table.validate(full=True)
    return table
