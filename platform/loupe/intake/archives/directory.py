"""Looks over a zip's central directory before anything is built from it.

A directory may claim millions of entries in few bytes, or several entries over the same packed
bytes; both make small files unpack to huge ones. This reads the headers alone, in bounded memory.
"""

import struct
from dataclasses import dataclass
from io import BufferedReader

from django.utils.translation import gettext as _

from loupe.intake.archives.budget import too_many
from loupe.intake.errors import ArchiveRefused

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_HEADER_BYTES = 46
_MAX_COMMENT = 65_535
_MAX_DIRECTORY_BYTES = 32 * 2**20


@dataclass(frozen=True)
class _Directory:
    start: int
    size: int


def check_count(file: BufferedReader, size: int, limit: int) -> None:
    """Pass in silence if the directory holds at most `limit` real headers.

    Raises:
        ArchiveRefused: there is no directory, or it is damaged or too large.
        TooManyFiles: it holds more.
    """
    directory = _find(file, size)
    if directory.size > _MAX_DIRECTORY_BYTES:
        raise ArchiveRefused(
            _(
                "The zip's table of contents has %(given)s bytes; at most %(most)s are read. Send "
                "the files in parts."
            )
            % {"given": f"{directory.size:,}", "most": f"{_MAX_DIRECTORY_BYTES:,}"},
            code="archive_too_large",
        )
    file.seek(directory.start)
    table = file.read(directory.size)
    position = count = 0
    while table[position : position + 4] == b"PK\x01\x02":
        count += 1
        if count > limit:
            raise too_many(limit)
        if position + _HEADER_BYTES > len(table):
            raise _damaged()
        position += _HEADER_BYTES + sum(struct.unpack_from("<3H", table, position + 28))


def check_overlaps(spans: list[tuple[int, int]]) -> None:
    """Pass in silence if no two entries share packed bytes.

    `spans` holds each entry's offset of its local header and its packed size, both in bytes.

    Raises:
        ArchiveRefused: two do.
    """
    end = 0
    for start, packed in sorted(spans):
        if start < end:
            raise ArchiveRefused(
                _(
                    "Entries of the zip share the same packed bytes, as decompression bombs do. "
                    "Pack it again with an ordinary tool."
                ),
                code="overlapping_entries",
            )
        end = start + 30 + packed


def _find(file: BufferedReader, size: int) -> _Directory:
    tail_start = max(0, size - _MAX_COMMENT - _END.size)
    file.seek(tail_start)
    tail = file.read()
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or found + _END.size > len(tail):
        raise _damaged()
    end = tail_start + found
    length, offset = _END.unpack_from(tail, found)[5:7]
    if 0xFFFFFFFF in (length, offset) or _END.unpack_from(tail, found)[4] == 0xFFFF:
        wide = _find_wide(file, end)
        if wide is not None:
            return wide
    if length > end:
        raise _damaged()
    return _Directory(start=end - length, size=length)


def _find_wide(file: BufferedReader, end: int) -> _Directory | None:
    """The zip64 directory, for archives past 4 GiB or 65,535 entries."""
    if end < _END64_LOCATOR.size + _END64.size:
        return None
    file.seek(end - _END64_LOCATOR.size)
    signature = file.read(4)
    if signature != b"PK\x06\x07":
        return None
    record = end - _END64_LOCATOR.size - _END64.size
    file.seek(record)
    fields = _END64.unpack(file.read(_END64.size))
    if fields[0] != b"PK\x06\x06" or fields[8] > record:
        raise _damaged()
    return _Directory(start=record - fields[8], size=fields[8])


def _damaged() -> ArchiveRefused:
    return ArchiveRefused(
        _(
            "The zip is damaged or cut short: its table of contents cannot be read. Pack and send "
            "it again."
        ),
        code="archive_damaged",
    )
