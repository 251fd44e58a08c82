"""An append-only file of numbered records that survives a kill at any byte.

A record is a header (length and CRC-32 of what follows, sequence number, length of the id), the
request's id and its body. Reading stops at the first record that is incomplete or whose checksum
fails: only what was never acknowledged can be there, so it is cut off.
"""

import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct("<IIQH")
_CHECKED = struct.Struct("<QH")
MAX_ID = 1024
"""Longest request id, in UTF-8 bytes."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record; `offset` and `length` say where its body lies in the file."""

    sequence: int
    request_id: str
    body: bytes
    offset: int
    length: int


class Journal:
    """One file of records, open for appending.

    Args:
        fresh: start empty, whatever the file held.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if fresh else 0)
        self._fd = os.open(path, flags, 0o600)
        self.size = 0
        self.damaged = False
        for record in self.records():
            self.size = record.offset + record.length
        self._cut()

    def records(self) -> Iterator[Record]:
        """Every whole record from the start of the file."""
        end = os.fstat(self._fd).st_size
        offset = 0
        while offset + _HEADER.size <= end:
            head = os.pread(self._fd, _HEADER.size, offset)
            length, checksum, sequence, id_length = _HEADER.unpack(head)
            start = offset + _HEADER.size
            if length < id_length or start + length > end:
                return
            content = os.pread(self._fd, length, start)
            if zlib.crc32(content, zlib.crc32(_CHECKED.pack(sequence, id_length))) != checksum:
                return
            yield Record(
                sequence=sequence,
                request_id=content[:id_length].decode(),
                body=content[id_length:],
                offset=start + id_length,
                length=length - id_length,
            )
            offset = start + length

    def append(self, records: Sequence[tuple[int, str, bytes]]) -> list[tuple[int, int]]:
        """Write records of sequence number, id and body; return offset and length of each body.

        Raises:
            OSError: nothing of them was kept, as when the disk is full.
        """
        if self.damaged:
            self._cut()
        blocks: list[bytes] = []
        places = []
        offset = self.size
        for sequence, request_id, body in records:
            name = request_id.encode()
            content = name + body
            checksum = zlib.crc32(content, zlib.crc32(_CHECKED.pack(sequence, len(name))))
            blocks += (_HEADER.pack(len(content), checksum, sequence, len(name)), content)
            places.append((offset + _HEADER.size + len(name), len(body)))
            offset += _HEADER.size + len(content)
        data = memoryview(b"".join(blocks))
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self.size + written)
        except OSError:
            self.damaged = True
            self._cut()
            raise
        self.size = offset
        return places

    def sync(self, before: int | None = None) -> None:
        """Have everything on the disk.

        Args:
            before: the size to go back to when the disk does not take it.

        Raises:
            OSError: the disk did not take it; records after `before` are cut off.
        """
        try:
            os.fdatasync(self._fd)
        except OSError:
            if before is not None:
                self.size = before
                self.damaged = True
                self._cut()
            raise

    def read(self, offset: int, length: int) -> bytes:
        """The body at a place that `append` or `records` gave."""
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def let_go(self) -> None:
        """Close a file that has been unlinked; a thread waits until the system has its room back,
        which takes a tenth of a second for 256 MiB."""
        threading.Thread(target=self.close, name="journal let go").start()

    def _cut(self) -> None:
        """Drop what lies behind the last whole record, and have that on the disk."""
        if os.fstat(self._fd).st_size != self.size:
            os.ftruncate(self._fd, self.size)
            os.fsync(self._fd)
        self.damaged = False
