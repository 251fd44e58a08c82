"""A folder for files that are still being written, which cleans up after killed processes.

Each process works in a sub-folder of its own and holds a lock on a file in it for as long as it
lives. The next process to start removes every sub-folder whose lock is free, so nothing left by
``kill -9`` stays and nothing in use is touched, whatever became of process ids.
"""

import fcntl
import os
import shutil
import threading
import uuid
from functools import cache
from pathlib import Path

_LOCK = "lock"


class Spool:
    """Names for new files below `root`, all on the file system of `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._mutex = threading.Lock()
        self._pid = 0
        self._folder = root

    def new_file(self) -> Path:
        """A path where no file is yet, in this process's own sub-folder."""
        return self._own_folder() / uuid.uuid4().hex

    def _own_folder(self) -> Path:
        with self._mutex:
            # A forked child needs a folder of its own: the parent's lock says nothing about it.
            if self._pid != os.getpid() or not self._folder.is_dir():
                make_private(self.root)
                sweep(self.root)
                self._folder = _claim(self.root)
                self._pid = os.getpid()
            return self._folder


def _claim(root: Path) -> Path:
    folder = root / uuid.uuid4().hex
    folder.mkdir(mode=0o700)
    # Held open, and so locked, until the process ends.
    handle = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return folder


def sweep(root: Path) -> int:
    """Remove the sub-folders of processes that are gone; returns how many."""
    removed = 0
    for folder in root.iterdir():
        try:
            handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            continue  # being made or removed by somebody else at this moment
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
        finally:
            os.close(handle)
    return removed


def make_private(folder: Path) -> None:
    """Make `folder` and what is missing above it, readable by this user only."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for level in reversed(missing):
        level.mkdir(mode=0o700, exist_ok=True)


@cache
def at(root: Path) -> Spool:
    """The process's one spool below `root`."""
    return Spool(root)
