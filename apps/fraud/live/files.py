"""Files that never change once written, known by an open descriptor rather than by a name.

A snapshot takes such a file in by a hard link, so a long log costs a snapshot nothing, and a
snapshot's folder may be removed while its files are still read.
"""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa

Chunk = bytes | memoryview
PIECE_BYTES = 2 * 2**20
"""Of a file in the background, synced before the next piece is written: what syncs a few bytes
meanwhile, as a journal does, waits for one piece and not for the file."""


class Kept:
    """One such file: on the disk, or still in memory where there is no place for it yet.

    Attributes:
        nbytes: its size.
    """

    def __init__(self, *, descriptor: int = -1, chunks: Sequence[Chunk] = ()) -> None:
        self._descriptor = descriptor
        self._chunks = chunks
        self.nbytes = sum(map(len, chunks)) if descriptor < 0 else os.fstat(descriptor).st_size

    @classmethod
    def written(cls, chunks: Sequence[Chunk], near: Path | None) -> Self:
        """A file without a name in the file system of `near`, safe on the disk; without a place,
        or where there are no nameless files, it stays in memory until a snapshot takes it in."""
        if near is None:
            return cls(chunks=chunks)
        try:
            descriptor = _nameless(near)
        except OSError:
            return cls(chunks=chunks)
        try:
            _write(descriptor, chunks, synced=True)
        except OSError:  # a full disk: the snapshot will tell
            os.close(descriptor)
            return cls(chunks=chunks)
        return cls(descriptor=descriptor)

    @classmethod
    def streamed(cls, write: Callable[[pa.NativeFile], None], near: Path | None) -> Self:
        """What `write` makes, as it makes it: never in memory as a whole where `near` has a place.

        Raises:
            OSError: the disk is full.
        """
        try:
            descriptor = -1 if near is None else _nameless(near)
        except OSError:
            descriptor = -1
        if descriptor < 0:
            held = pa.BufferOutputStream()
            write(held)
            return cls(chunks=[memoryview(held.getvalue())])
        try:
            with pa.OSFile(f"/proc/self/fd/{descriptor}", "wb") as sink:
                write(sink)
            os.fdatasync(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor=descriptor)

    @classmethod
    def opened(cls, path: Path) -> Self:
        """The file at `path`, whatever becomes of its name."""
        return cls(descriptor=os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def into(self, path: Path) -> None:
        """Have it at `path`: a link where the file system can, else a copy.

        Raises:
            OSError: the disk is full.
        """
        if self._descriptor < 0:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                _write(descriptor, self._chunks)
            except OSError:
                os.close(descriptor)
                raise
            self._descriptor, self._chunks = descriptor, ()
            return
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Only with a folder does Python ask for the file behind the name in /proc, not for it.
            os.link(self.place, path.name, dst_dir_fd=folder, follow_symlinks=True)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EXDEV, errno.EMLINK, errno.EPERM):
                raise
            shutil.copyfile(self.place, path)
        finally:
            os.close(folder)

    @property
    def on_disk(self) -> bool:
        """Whether it has left memory."""
        return self._descriptor >= 0

    @property
    def place(self) -> str:
        """A path that opens it in this process, as long as it is on the disk."""
        return f"/proc/self/fd/{self._descriptor}"

    def content(self) -> bytes:
        """All of a file that is still in memory."""
        return b"".join(self._chunks)

    def close(self) -> None:
        """Forget it; without a name its bytes go too."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


def _nameless(near: Path) -> int:
    return os.open(near, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _write(descriptor: int, chunks: Sequence[Chunk], *, synced: bool = False) -> None:
    """Write all of it, and have it on the disk where it is to be `synced`."""
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        while view:
            view = view[os.write(descriptor, view[:PIECE_BYTES] if synced else view) :]
            if synced:
                os.fdatasync(descriptor)
