"""The features' state on the disk without holding the writer up: made again by another process.

The process does what a start does: it reads the snapshot that was just taken, puts the last base
back and feeds the rows since, which gives the same bits; then it writes its state. It shares no
memory with the writer, so nothing is copied or taken apart, however large the state is, and it
takes what processor time is left over. What it wrote counts from the first snapshot after it has
ended well. Until then a snapshot keeps the last base, and a start feeds more of the log again.
"""

import logging
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from apps.fraud.live.files import Kept

log = logging.getLogger(__name__)
PREFIX = "fraud-base-"
WHOLE = "whole"
"""A file that is there once all others are."""


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
    """A base that a process is writing below `folder`."""

    base: Base
    folder: Path
    child: subprocess.Popen[bytes]
    over: bool = False

    @classmethod
    def begin(cls, snapshot: Path, number: int, base: Base, near: Path) -> "Growing":
        """Have session `number` of a snapshot fed again and its features written, in `near`.

        The snapshot may get another name meanwhile, as it does when it is whole.

        Raises:
            OSError: there is no room for a folder or a process.
        """
        folder = near / f"{PREFIX}{os.getpid()}-{base.at}-{number}-{id(base)}"
        folder.mkdir()
        return cls(base, folder, started(snapshot, number, folder / "state"))

    def ended(self, *, wait: bool = False) -> bool:
        """Whether the process has ended; its base then has files, or none where it failed.

        The files keep their names below `folder` until `let_go`: what has a name is linked into a
        snapshot, what has none would be copied.
        """
        if self.over:
            return True
        if wait:
            self.child.wait()
        status = self.child.poll()
        if status is None:
            return False
        there = self.folder / "state"
        if status == 0 and (there / WHOLE).exists():
            (there / WHOLE).unlink()
            self.base.files = {path.name: Kept.opened(path) for path in sorted(there.iterdir())}
        else:
            log.warning("no base of fraud's features: its process ended with status %s", status)
            self.let_go()
        self._close()
        return True

    def let_go(self) -> None:
        """Remove the folder; what its base has stays open."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def give_up(self) -> None:
        """Its session has ended, or the engine does: nobody waits for the base any more."""
        if not self.over:
            self.child.kill()
            self.child.wait()
            self._close()
        self.let_go()

    def _close(self) -> None:
        if self.child.stdin is not None:
            self.child.stdin.close()
        self.over = True


def started(snapshot: Path, number: int, into: Path) -> "subprocess.Popen[bytes]":
    """The process; it ends when this one does, since nobody else holds its standard input open."""
    held = os.open(snapshot, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "apps.fraud.live.base_writer"),
                *(f"/proc/self/fd/{held}", str(number), str(into.absolute())),
            ],
            pass_fds=(held,), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            env=_environment(),
        )  # fmt: skip
    finally:
        os.close(held)


def remove_left_over(near: Path) -> None:
    """Drop what processes of an engine that was killed have left behind."""
    for folder in near.glob(f"{PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(Path(each).absolute()) for each in sys.path),
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }
