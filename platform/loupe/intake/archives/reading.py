"""One call for every kind of archive."""

from collections.abc import Iterator
from pathlib import Path

from loupe.blobs.sniff import table
from loupe.intake.archives import tars, zips
from loupe.intake.archives.budget import Budget
from loupe.intake.archives.entries import Entry, NewFile


def read(path: Path, media_type: str, budget: Budget, new_file: NewFile) -> Iterator[Entry]:
    """Yield the files of an archive whose sniffed type is a zip or a tar.

    Raises:
        ArchiveRefused, TooManyFiles: the archive as a whole.
        DiskFull: there is no room to unpack.
    """
    if media_type == table.ZIP:
        return zips.read(path, budget, new_file)
    with path.open("rb") as file:
        compression = tars.compression_of(file.read(table.HEAD_BYTES))
    return tars.read(path, compression, budget, new_file)
