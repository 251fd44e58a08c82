"""What reading an archive yields, and how one entry's bytes get to disk."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loupe.blobs.writing import CHUNK_BYTES, Writer, Written
from loupe.intake.archives.budget import Budget
from loupe.intake.errors import EntryRefused

NewFile = Callable[[], Path]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of an archive: either its bytes in `written`, or why it was refused."""

    name: str
    written: Written | None = None
    refused: EntryRefused | None = None


class Readable(Protocol):
    """An entry being unpacked."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


def unpack(stream: Readable, target: Path, budget: Budget, packed: int | None) -> Written:
    """Write an entry to the new file `target`, counting as it goes.

    `packed` is the entry's size in the archive in bytes, or None where the archive as a whole is
    compressed and watched elsewhere.

    Raises:
        EntryRefused: it is too large or a bomb.
        ArchiveRefused: the archive is too large.
        DiskFull: there is no room.
    """
    with Writer(target) as writer:
        while chunk := stream.read(CHUNK_BYTES):
            writer.write(chunk)
            if packed is not None and budget.is_bomb(writer.size, packed):
                raise EntryRefused(budget.bomb(), code="compression_bomb")
            budget.count_bytes(len(chunk), writer.size)
        return writer.finish()
