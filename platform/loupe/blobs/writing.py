"""Writes a file once, hashing and counting as the bytes go by."""

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from loupe.blobs import room

CHUNK_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Written:
    """A complete file that nobody else refers to; storing it moves it."""

    path: Path
    sha256: str
    size: int


class Writer:
    """A new file at `path`, mode 0600, hashed while written.

    Leaving the ``with`` block without `finish` removes the file, so nothing half-written stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self._until_check = room.CHECK_EVERY_BYTES
        self._finished = False
        self.size = 0
        self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")

    def write(self, chunk: bytes) -> None:
        """Append `chunk`.

        Raises:
            DiskFull: there is no room for it, or too little would be left.
        """
        self._until_check -= len(chunk)
        if self._until_check < 0:
            room.require(self._path.parent, len(chunk))
            self._until_check = room.CHECK_EVERY_BYTES
        with room.guarded(self._path.parent):
            self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def finish(self) -> Written:
        """Close the file and hand it over; it is not yet synced to the disk."""
        with room.guarded(self._path.parent):
            self._file.close()
        self._finished = True
        return Written(path=self._path, sha256=self._hash.hexdigest(), size=self.size)

    def abandon(self) -> None:
        """Close and remove what was written; nothing happens after `finish`."""
        if self._finished:
            return
        self._finished = True
        try:
            self._file.close()
        except OSError:
            # The last buffered bytes did not fit; the file goes away in any case.
            pass
        finally:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abandon()


def copy(source: Path, target: Path) -> Written:
    """Copy `source` to the new file `target`, hashing on the way.

    Raises:
        DiskFull: it does not fit.
    """
    room.require(target.parent, source.stat().st_size)
    with source.open("rb") as reader, Writer(target) as writer:
        while chunk := reader.read(CHUNK_BYTES):
            writer.write(chunk)
        return writer.finish()


def link(source: Path, target: Path) -> Written:
    """Make `target` another name of `source`, which must not change any more, and hash it.

    Raises:
        DiskFull: they lie on different disks, so it had to be copied, and does not fit.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}:
            raise
        return copy(source, target)
    os.utime(target)  # the garbage collection goes by it: this is a new arrival
    with target.open("rb") as reader:
        digest = hashlib.file_digest(reader, "sha256")
    return Written(path=target, sha256=digest.hexdigest(), size=target.stat().st_size)
