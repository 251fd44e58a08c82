"""What was told between transactions: labels and entries of lists, each with its place in the log.

A change at `at` was applied before the transaction of that number. Files of changes are Arrow IPC
with two columns; a body is msgpack.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from apps.fraud.live.files import Kept

MOST_FILES = 32
_SCHEMA = pa.schema([("at", pa.int64()), ("body", pa.binary())])


class Labels(msgspec.Struct, frozen=True, tag="labels"):
    """Labels that were told together; times in milliseconds."""

    ids: list[str]
    labels: list[int]
    known_at: list[int]


class Entry(msgspec.Struct, frozen=True, tag="list"):
    """An identifier put on a list until a time; `until` None takes it off."""

    listed: str
    entity: str
    identifier: str
    until: int | None


class NewScheme(msgspec.Struct, frozen=True, tag="scheme"):
    """From here on features are told by this scheme, as if it had always been so."""

    scheme: str


Change = Labels | Entry | NewScheme
_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Change)


@dataclass
class Changes:
    """All changes of one session, in order: files, and the newest ones in memory."""

    files: list[tuple[int, Kept]] = field(default_factory=list)
    """With the number of changes in each."""
    newest: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(count for count, _ in self.files) + len(self.newest)

    def append(self, at: int, change: Change) -> None:
        """Note a change before transaction `at`."""
        self.newest.append((at, _ENCODER.encode(change)))

    def since(self, number: int = 0) -> Iterator[tuple[int, Change]]:
        """The changes from that number on, in order, each with its place."""
        first = 0
        for count, file in self.files:
            if first + count > number:
                yield from islice(_read(file), max(number - first, 0), None)
            first += count
        for place, body in self.newest[max(number - first, 0) :]:
            yield place, _DECODER.decode(body)

    def close(self, near: Path | None) -> None:
        """Write what is in memory; many small files become one."""
        if self.newest:
            self.files.append((len(self.newest), _written(self.newest, near)))
            self.newest = []
        if len(self.files) > MOST_FILES:
            everything = [
                (at, _ENCODER.encode(change))
                for _, file in self.files
                for at, change in _read(file)
            ]
            self.files = [(len(everything), _written(everything, near))]

    @property
    def nbytes(self) -> int:
        """Of files and memory."""
        return sum(file.nbytes for _, file in self.files) + sum(
            len(body) + 8 for _, body in self.newest
        )


def _written(rows: list[tuple[int, bytes]], near: Path | None) -> Kept:
    sink = pa.BufferOutputStream()
    places, contents = zip(*rows, strict=True)
    table = pa.record_batch(
        [pa.array(places, pa.int64()), pa.array(contents, pa.binary())], schema=_SCHEMA
    )
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, _SCHEMA, options=options) as writer:
        writer.write_batch(table)
    return Kept.written([memoryview(sink.getvalue())], near)


def _read(file: Kept) -> Iterator[tuple[int, Change]]:
    source: Any = pa.memory_map(file.place) if file.on_disk else pa.BufferReader(file.content())
    with pa.ipc.open_file(source) as reader:
        for n in range(reader.num_record_batches):
            rows = reader.get_batch(n)
            for at, body in zip(rows["at"].to_pylist(), rows["body"].to_pylist(), strict=True):
                yield at, _DECODER.decode(body)
