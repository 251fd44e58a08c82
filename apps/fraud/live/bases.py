"""The features' state on the disk without holding the writer up: written by a forked child.

The child sees memory as it was at the moment of the fork (copy on write) and does nothing but
write arrays and end; the writer goes on after the milliseconds that a fork takes, while a thread
copies what both still share. What it wrote
counts from the first snapshot after it has ended well. Until then a snapshot keeps the last base,
and a start feeds more of the log again.
"""

import logging
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from apps.fraud.features.state import FeatureState
from apps.fraud.live.files import Kept
from core_kernels.dispatch.growing import apart, joined

log = logging.getLogger(__name__)
PREFIX = "fraud-base-"


@dataclass
class Base:
    """The features' state before transaction `at`, when `changes` had been told, as files."""

    at: int
    changes: int
    known_at: int
    scheme: str
    files: dict[str, Kept]


@dataclass
class Growing:
    """A base that a child is writing below `folder`."""

    base: Base
    folder: Path
    child: int
    over: bool = False

    @classmethod
    def begin(cls, state: FeatureState, base: Base, near: Path) -> "Growing":
        """Fork, and have the child write `state` into a folder of its own in `near`.

        Raises:
            OSError: there is no room for a folder or a process.
        """
        folder = near / f"{PREFIX}{os.getpid()}-{base.at}-{id(state)}"
        folder.mkdir()
        child = os.fork()
        if child == 0:
            _write_and_end(state, folder / "state")
        apart()
        return cls(base, folder, child)

    def ended(self, *, wait: bool = False) -> bool:
        """Whether the child has ended; its base then has files, or none where it failed."""
        if self.over:
            return True
        try:
            pid, status = os.waitpid(self.child, 0 if wait else os.WNOHANG)
        except ChildProcessError:  # somebody else heard of its end: the files tell
            pid, status = self.child, 0 if (self.folder / "state" / "whole").exists() else 1
        if pid == 0:
            return False
        there = self.folder / "state"
        if status == 0 and (there / "whole").exists():
            (there / "whole").unlink()
            self.base.files = {path.name: Kept.opened(path) for path in sorted(there.iterdir())}
        else:
            log.warning("no base of fraud's features: the child ended with status %s", status)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.over = True
        joined()
        return True

    def give_up(self) -> None:
        """Its session has ended."""
        if not self.ended():
            os.kill(self.child, signal.SIGKILL)
            self.ended(wait=True)


def remove_left_over(near: Path) -> None:
    """Drop what children of an engine that was killed have left behind."""
    for folder in near.glob(f"{PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _write_and_end(state: FeatureState, folder: Path) -> None:
    """The child's whole life. It holds none of the engine's sockets or locks open, so that nobody
    waits for an engine that was killed meanwhile."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.closerange(3, 1 << 16)
        os.nice(10)
        state.snapshot(folder)
        for path in folder.iterdir():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        (folder / "whole").touch()
        status = 0
    finally:
        os._exit(status)
