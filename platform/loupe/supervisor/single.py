"""One installation runs once: a lock that lasts as long as the process that took it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loupe.contract.runtime.errors import LoupeError


@dataclass(frozen=True)
class Running:
    """Who holds the lock and where it can be reached."""

    pid: int
    address: str


class AlreadyRunning(LoupeError):
    """This installation is running."""

    code = "already_running"

    def __init__(self, running: Running) -> None:
        super().__init__(
            f"Loupe is already running at {running.address} (process {running.pid}); stop it with "
            f"Ctrl-C where it was started, or by: kill {running.pid}."
        )
        self.running = running


@contextmanager
def alone(var: Path, address: str) -> Iterator[None]:
    """Hold the lock of the installation below `var`.

    Raises:
        AlreadyRunning: another process holds it.
    """
    path = var / "run" / "up.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(Running(**json.loads(file.read()))) from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "address": address}))
        file.flush()
        yield
