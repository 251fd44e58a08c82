"""The messages of an Arrow IPC stream, found and measured without reading what they hold.

Each message begins with four bytes 0xFF, the length of its description, the description (a
flatbuffer) and its body. From the description come kind, rows and, where the body is packed, the
declared sizes of its buffers: so nothing is unpacked that does not fit.

Source: the Arrow columnar format, "Encapsulated message format" and Message.fbs.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO

from apps.fraud.tables.limits import MOST_BATCH, MOST_FOOTER, MOST_METADATA
from loupe.contract.runtime.errors import InputRefused

_START = b"\xff\xff\xff\xff"


class Kind(IntEnum):
    """The kinds of messages a stream has."""

    SCHEMA = 1
    DICTIONARY = 2
    BATCH = 3


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message, from byte `start` to `stop`.

    Attributes:
        rows: of a record batch.
        unpacked: bytes its body takes in memory, as declared.
        dictionary: of a dictionary batch: which one it is.
        delta: whether it adds to the dictionary.
    """

    kind: Kind
    start: int
    stop: int
    rows: int = 0
    unpacked: int = 0
    dictionary: int = 0
    delta: bool = False


class _Flat:
    """A table of a flatbuffer. Offsets that lead outside of it raise `struct.error`."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        (back,) = struct.unpack_from("<i", data, at)
        self._slots = at - back
        if self._slots < 0:
            raise struct.error("a table without slots")
        (self._size,) = struct.unpack_from("<H", data, self._slots)

    def _place(self, slot: int) -> int | None:
        if 4 + 2 * slot + 2 > self._size:
            return None
        (offset,) = struct.unpack_from("<H", self._data, self._slots + 4 + 2 * slot)
        return self._at + int(offset) if offset else None

    def number(self, slot: int, form: str) -> int:
        """A scalar; 0 where it is left out."""
        place = self._place(slot)
        return 0 if place is None else int(struct.unpack_from(form, self._data, place)[0])

    def table(self, slot: int) -> "_Flat | None":
        """A table; None where it is left out."""
        place = self._place(slot)
        if place is None:
            return None
        (offset,) = struct.unpack_from("<I", self._data, place)
        return _Flat(self._data, place + offset)

    def pairs(self, slot: int) -> list[tuple[int, int]]:
        """A vector of structs of two int64."""
        place = self._place(slot)
        if place is None:
            return []
        (offset,) = struct.unpack_from("<I", self._data, place)
        (count,) = struct.unpack_from("<I", self._data, place + offset)
        if count > MOST_METADATA // 16:
            raise struct.error("a vector longer than its message")
        values = struct.unpack_from(f"<{2 * count}q", self._data, place + offset + 4)
        return list(zip(values[::2], values[1::2], strict=True))

    def blocks(self, slot: int) -> list[tuple[int, int, int]]:
        """A vector of structs of an int64, an int32 and an int64."""
        place = self._place(slot)
        if place is None:
            return []
        (offset,) = struct.unpack_from("<I", self._data, place)
        (count,) = struct.unpack_from("<I", self._data, place + offset)
        if count > MOST_FOOTER // 24:
            raise struct.error("a vector longer than its footer")
        start = place + offset + 4
        return [struct.unpack_from("<qi4xq", self._data, start + 24 * n) for n in range(count)]


def blocks(file: BinaryIO, size: int, first: int = 0, last: int | None = None) -> Iterator[Message]:
    """The dictionaries of an Arrow file and its record batches `first` to `last`, by its footer.

    Writers differ in what stands before the first block, so a file is not read as a stream.

    Raises:
        InputRefused: the file is cut or damaged, or a message declares too much.
    """
    file.seek(max(0, size - 10))
    tail = file.read(10)
    length = int.from_bytes(tail[:4], "little", signed=True)
    if size < 18 or tail[4:] != b"ARROW1":
        raise truncated()
    if not 0 < length <= min(MOST_FOOTER, size - 18):
        raise damaged(f"its footer is said to have {length:,} bytes")
    file.seek(size - 10 - length)
    footer = file.read(length)
    try:
        (root,) = struct.unpack_from("<I", footer, 0)
        table = _Flat(footer, root)
        places = [*table.blocks(2), *table.blocks(3)[first:last]]
    except struct.error as error:
        raise damaged("its footer is described wrongly") from error
    for offset, described, body in places:
        if not 8 <= offset <= size or not 8 <= described <= MOST_METADATA or body < 0:
            raise damaged("its footer names a block outside of it")
        file.seek(offset)
        description = file.read(described)
        # Before version 0.15 the length stood alone.
        description = description[8 if description.startswith(_START) else 4 :]
        try:
            found, _ = _message(description, file, offset, offset + described)
        except struct.error as error:
            raise damaged(f"the message at byte {offset} is described wrongly") from error
        if offset + described + body > size or found.kind is Kind.SCHEMA:
            raise truncated()
        yield found


def messages(file: BinaryIO, start: int, size: int) -> Iterator[Message]:
    """The messages from byte `start` to the end of the stream, at most to byte `size`.

    Raises:
        InputRefused: the stream is cut or damaged, or a message declares too much.
    """
    at = start
    while at + 8 <= size:
        file.seek(at)
        mark, length = struct.unpack("<4si", file.read(8))
        if mark != _START or length < 0:
            raise damaged(f"byte {at} begins no message")
        if length == 0:
            return
        if length > MOST_METADATA:
            raise damaged(f"the message at byte {at} is described in {length:,} bytes")
        description = file.read(length)
        if len(description) < length:
            raise truncated()
        try:
            found, body = _message(description, file, at, at + 8 + length)
        except struct.error as error:
            raise damaged(f"the message at byte {at} is described wrongly") from error
        if body < 0 or found.stop > size:
            raise truncated()
        yield found
        at = found.stop


def _message(description: bytes, file: BinaryIO, start: int, body_at: int) -> tuple[Message, int]:
    (root,) = struct.unpack_from("<I", description, 0)
    table = _Flat(description, root)
    number, body = table.number(1, "<B"), table.number(3, "<q")
    header = table.table(2)
    if number not in {kind.value for kind in Kind} or header is None:
        raise damaged(f"the message at byte {start} is of an unknown kind")
    kind = Kind(number)
    batch = header.table(1) if kind is Kind.DICTIONARY else header
    rows, unpacked = 0, 0
    if kind is not Kind.SCHEMA and batch is not None:
        rows = batch.number(0, "<q")
        unpacked = _unpacked(batch, file, body_at, body, start)
    stop = body_at + max(0, body)
    if kind is Kind.DICTIONARY:
        which, delta = header.number(0, "<q"), bool(header.number(2, "<B"))
        return Message(
            kind=kind, start=start, stop=stop, unpacked=unpacked, dictionary=which, delta=delta
        ), body
    return Message(kind=kind, start=start, stop=stop, rows=rows, unpacked=unpacked), body


def _unpacked(batch: _Flat, file: BinaryIO, body_at: int, body: int, start: int) -> int:
    """Bytes of a batch in memory. A packed buffer begins with its size; −1: it is not packed."""
    buffers = batch.pairs(2)
    if batch.table(3) is None:
        total = sum(max(0, length) for _, length in buffers)
    else:
        total = 0
        for offset, length in buffers:
            if length <= 8 or not 0 <= offset <= body - length:
                continue
            file.seek(body_at + offset)
            head = file.read(8)
            declared = struct.unpack("<q", head)[0] if len(head) == 8 else -1
            total += length if declared < 0 else declared
    if max(total, body) > MOST_BATCH or batch.number(0, "<q") < 0:
        raise InputRefused(
            f"The record batch at byte {start} unpacks to {max(total, body):,} bytes; at most "
            f"{MOST_BATCH:,} are read at once. Write smaller batches.",
            code="batch_too_large",
        )
    return total


def damaged(why: str) -> InputRefused:
    """The refusal of what is no Arrow stream."""
    return InputRefused(
        f"The Arrow data is damaged: {why[:200]}. Write it again and send it again.",
        code="arrow_damaged",
    )


def truncated() -> InputRefused:
    """The refusal of a stream that ends within a message."""
    return InputRefused(
        "The Arrow data ends within a message: it was cut off on its way. Send it again.",
        code="arrow_truncated",
    )
