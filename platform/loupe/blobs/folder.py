"""Blobs in a local folder: ``ab/abcdef…``, each moved into place when it is complete and synced."""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _

from loupe.blobs import room, spool, writing
from loupe.blobs.errors import BlobMissing
from loupe.blobs.objects import StoredObject
from loupe.blobs.writing import Written

# Several syncs in flight share one commit of the file system's journal: more than twice as quick.
_SYNCS_IN_FLIGHT = 16
_INCOMING = "incoming"
_LOCK = "collection.lock"


class FolderBackend:
    """The default backend. See `loupe.blobs.backend.Backend`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._spool = spool.at(root / _INCOMING)

    def new_file(self) -> Path:
        """A new name on the file system of the folder."""
        return self._spool.new_file()

    def put(self, files: Sequence[tuple[Written, str]]) -> set[str]:
        """Move each file to its key; see `Backend.put`."""
        spool.make_private(self._root)
        with self._collection_held(fcntl.LOCK_SH):
            new = {key: written for written, key in files if not self._kept(written, key)}
        with room.guarded(self._root):
            local = {key: self._brought_here(written) for key, written in new.items()}
            _sync_all(local.values())
            for key, path in local.items():
                target = self._root / key
                spool.make_private(target.parent)
                path.replace(target)
            _sync_all({(self._root / key).parent for key in local} | {self._root})
        return set(local)

    def _kept(self, written: Written, key: str) -> bool:
        target = self._root / key
        try:
            # A size that differs is a damaged copy; the good one takes its place.
            if target.stat().st_size != written.size:
                return False
            os.utime(target)
        except FileNotFoundError:
            return False
        return True

    def _brought_here(self, written: Written) -> Path:
        if written.path.stat().st_dev == self._root.stat().st_dev:
            return written.path
        near = writing.copy(written.path, self.new_file()).path
        written.path.unlink()
        return near

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return (self._root / key).is_file()

    @contextmanager
    def open_local(self, key: str) -> Iterator[Path]:
        """The stored file itself."""
        path = self._root / key
        if not path.is_file():
            raise BlobMissing(
                _(
                    "The file %(key)s is not in %(place)s, though the database names it. Restore "
                    "it from a backup, or run 'manage.py blobs check' to see what else is missing."
                )
                % {"key": key, "place": self._root}
            )
        yield path

    def delete_if_older(self, key: str, than: float) -> bool:
        """Unlink the file unless it was stored, or stored again, since `than`."""
        with self._collection_held(fcntl.LOCK_EX):
            path = self._root / key
            if not path.is_file() or path.stat().st_mtime >= than:
                return False
            path.unlink()
            return True

    @contextmanager
    def _collection_held(self, mode: int) -> Iterator[None]:
        """Keeps "is it there? then use it" and "is it old? then remove it" apart."""
        handle = os.open(self._root / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, mode)
            yield
        finally:
            os.close(handle)

    def walk(self) -> Iterator[StoredObject]:
        """Every stored file, in no order."""
        if not self._root.is_dir():
            return
        for folder in self._root.iterdir():
            if folder.name == _INCOMING or not folder.is_dir():
                continue
            for path in folder.iterdir():
                status = path.stat()
                yield StoredObject(
                    key=f"{folder.name}/{path.name}",
                    size=status.st_size,
                    modified=status.st_mtime,
                )


def _sync_all(paths: Iterable[Path]) -> None:
    waiting = list(paths)
    if len(waiting) < 2:
        for path in waiting:
            _sync(path)
        return
    with ThreadPoolExecutor(min(_SYNCS_IN_FLIGHT, len(waiting))) as pool:
        list(pool.map(_sync, waiting))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
