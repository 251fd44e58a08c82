"""A moment in a shared file until which the line is at work: what else computes gives way.

The engine writes it, trainings read it. It is a moment on the machine's monotonic clock, not a
switch, so an engine that dies in the middle of a call holds nobody up for longer than its lease.
"""

import mmap
import os
import struct
import time
from pathlib import Path

VARIABLE = "LOUPE_LINE_FLAG"
"""The environment variable that names the file to a training."""

LEASE_S = 1.0
"""How long a call of the line is believed to be under way without being heard of again."""

HOLD_S = 0.02
"""How long the line counts as at work after a call: its next frame is often close behind."""

_MOMENT = struct.Struct("<q")


def beside(socket: Path) -> Path:
    """The file an engine at `socket` writes."""
    return socket.with_name(f"{socket.name}.line")


class LineFlag:
    """The writer's side. Not thread-safe: its caller holds a lock.

    Args:
        file: written in place, so that readers of an engine that died hear the next one.
    """

    def __init__(self, file: Path) -> None:
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(opened, _MOMENT.size)
            self._memory = mmap.mmap(opened, _MOMENT.size)
        finally:
            os.close(opened)
        self._working = 0

    def works(self, begins: bool) -> None:
        """A call of the line begins or has ended."""
        self._working += 1 if begins else -1
        lasts_s = LEASE_S if self._working else HOLD_S
        _MOMENT.pack_into(self._memory, 0, time.monotonic_ns() + int(lasts_s * 1e9))

    def close(self) -> None:
        """The line is at work no more."""
        _MOMENT.pack_into(self._memory, 0, 0)
        self._memory.close()


class LineWatch:
    """The reader's side. A file that is missing means a line that is idle."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._memory: mmap.mmap | None = None

    @classmethod
    def of_environment(cls) -> "LineWatch | None":
        """What `VARIABLE` names; None where nothing does."""
        file = os.environ.get(VARIABLE)
        return cls(Path(file)) if file else None

    def busy_s(self) -> float:
        """Seconds the line is believed to be at work still, at most `LEASE_S`; 0: it is idle."""
        if self._memory is None:
            if not self._file.is_file() or self._file.stat().st_size < _MOMENT.size:
                return 0.0
            with self._file.open("rb") as opened:
                self._memory = mmap.mmap(opened.fileno(), _MOMENT.size, access=mmap.ACCESS_READ)
        (until,) = _MOMENT.unpack_from(self._memory)
        left = (until - time.monotonic_ns()) / 1e9
        # A moment further off than any lease was written before the machine last started.
        return left if 0 < left <= LEASE_S else 0.0
