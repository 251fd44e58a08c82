"""Snapshots of a live service: ``snapshot-<sequence>/`` holds the state before that request."""

import os
import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from loupe.contract.runtime.steps import Service
from loupe.engine.repository import sync

_PARTIAL = ".partial"
_SYNCED_TOGETHER = 16
"""A disk takes as long for one sync as for many at once."""


class Snapshots:
    """The snapshots below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def restore_latest(self, service: Service) -> int:
        """Give `service` the newest whole snapshot; return its sequence number, 0 without one."""
        for partial in self.folder.glob(f"snapshot-*{_PARTIAL}"):
            shutil.rmtree(partial)
        found = self._all()
        if not found:
            return 0
        start, path = found[-1]
        service.restore(path)
        return start

    def write(self, service: Service, sequence: int) -> None:
        """Write the state before request `sequence`: whole, on the disk, then visible.

        Raises:
            OSError: the disk is full; no trace is left.
        """
        target = self.folder / f"snapshot-{sequence:020d}"
        partial = target.with_name(target.name + _PARTIAL)
        try:
            partial.mkdir()
            service.snapshot(partial)
            _sync_below(partial)
            partial.rename(target)
            sync(self.folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def remove_before(self, sequence: int) -> None:
        """Drop snapshots older than that of `sequence`; a thread gives back the room they took."""
        for start, path in self._all():
            if start < sequence:
                _remove(path)

    def _all(self) -> list[tuple[int, Path]]:
        names = sorted(
            path for path in self.folder.glob("snapshot-*") if not path.name.endswith(_PARTIAL)
        )
        return [(int(path.name.partition("-")[2]), path) for path in names]


def _sync_below(folder: Path) -> None:
    """Have every file below a folder on the disk, then the folders."""
    walked = list(os.walk(folder))
    with ThreadPoolExecutor(_SYNCED_TOGETHER) as threads:
        paths = [Path(at) / name for at, _, files in walked for name in files]
        for _ in threads.map(sync, paths):
            pass
    for at, _, _ in walked:
        sync(Path(at))


def _remove(folder: Path) -> None:
    """Take the names of a folder away at once.

    The system has the room of half a gibibyte back after a tenth of a second. So files without
    another name stay open until a thread closes them.
    """
    held: list[int] = []
    with suppress(OSError):  # too many files are open; the caller waits instead
        for at, _, files in os.walk(folder):
            for path in (Path(at) / name for name in files):
                if path.stat().st_nlink == 1:
                    held.append(os.open(path, os.O_PATH | os.O_CLOEXEC))
    try:
        shutil.rmtree(folder)
    finally:
        threading.Thread(target=_close, args=(held,), name="snapshot let go").start()


def _close(held: Sequence[int]) -> None:
    for descriptor in held:
        os.close(descriptor)
