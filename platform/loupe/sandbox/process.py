"""The parent's side of one sandboxed child."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.sandbox import wire
from loupe.sandbox.slab import Slab

START_SECONDS = 60.0
"""How long a child may take to start and import an app's code on a busy machine."""

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "TMPDIR")
_SINGLE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")

KEPT_WARM = {"MALLOC_TRIM_THRESHOLD_": str(32 * 2**20), "MALLOC_MMAP_THRESHOLD_": str(16 * 2**20)}
"""Settings of glibc: memory of small pictures stays mapped from one input to the next. Without it
each costs a page fault per 4 KiB twice over, which takes longer than decoding."""


def environment() -> dict[str, str]:
    """The child's environment: no keys, no addresses, the parent's code on the path."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        **dict.fromkeys(_SINGLE_THREAD, "1"),
        "MALLOC_ARENA_MAX": "1",
        **KEPT_WARM,
        "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


class Process:
    """One child. Not thread-safe: a pool gives it to one thread at a time."""

    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.imported: set[str] = set()
        self.calls = 0
        mine, theirs = socket.socketpair()
        life_read, life_write = os.pipe()
        try:
            self._child = subprocess.Popen(
                [
                    *(sys.executable, "-m", "loupe.sandbox.child"),
                    *(str(theirs.fileno()), str(life_read), str(memory_bytes)),
                ],
                pass_fds=(theirs.fileno(), life_read),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(),
                cwd="/",
            )
        except OSError as error:
            mine.close()
            os.close(life_write)
            raise TemporarilyUnavailable(
                f"A sandbox could not be started: {error}.", code="sandbox_unavailable"
            ) from error
        finally:
            theirs.close()
            os.close(life_read)
        self._sock = mine
        self._life = life_write
        try:
            hello = self._ask({}, deadline=time.monotonic() + START_SECONDS, silent=True)
        except (wire.Gone, wire.Late) as error:
            self.kill()
            raise TemporarilyUnavailable(
                f"A sandbox did not start within {START_SECONDS:.0f} s.", code="sandbox_unavailable"
            ) from error
        self.has_network = bool(hello.get("network", True))

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return self._child.poll() is None

    def warm(self, run: str) -> None:
        """Import `run` once.

        Raises:
            TemporarilyUnavailable: the code cannot be imported, or the child died trying.
        """
        if run in self.imported:
            return
        try:
            answer = self._ask({"do": "import", "run": run}, time.monotonic() + START_SECONDS)
        except (wire.Gone, wire.Late) as error:
            self.kill()
            raise TemporarilyUnavailable(
                f"The sandbox died while it imported {run}.", code="sandbox_unavailable"
            ) from error
        if "ready" not in answer:
            raise TemporarilyUnavailable(
                f"The sandbox cannot import {run}: {answer.get('detail')}.", code="sandbox_import"
            )
        self.imported.add(run)

    def call(
        self,
        run: str,
        arguments: Sequence[Any],
        into: Slab | None,
        lease: Callable[[int], Slab],
        deadline: float,
    ) -> tuple[dict[str, Any], Slab | None]:
        """Run `run` and return its answer with the slab that holds the arrays.

        `lease` is asked for a slab when `into` is missing or too small.

        Raises:
            wire.Gone, wire.Late: the child crashed or hangs; it has been killed.
        """
        self.calls += 1
        message = {"do": "call", "run": run, "arguments": list(arguments)}
        try:
            answer = self._ask(message, deadline, into)
            if "need" not in answer:
                return answer, into
            slab = lease(int(answer["need"]))
            try:
                return self._ask({"do": "write"}, deadline, slab), slab
            except (wire.Gone, wire.Late):
                slab.close()
                raise
        except BaseException:
            # Whatever went wrong, the child is in the middle of something: never reuse it.
            self.kill()
            raise

    def _ask(
        self,
        message: dict[str, Any],
        deadline: float,
        slab: Slab | None = None,
        *,
        silent: bool = False,
    ) -> dict[str, Any]:
        if not silent:
            if slab is not None:
                message["nbytes"] = slab.nbytes
            self._sock.settimeout(max(0.001, deadline - time.monotonic()))
            wire.send(self._sock, message, None if slab is None else slab.fd)
        answer, fd = wire.receive(self._sock, deadline)
        if fd is not None:
            os.close(fd)
            raise wire.Gone
        return answer

    def kill(self) -> None:
        """End the child at once; a second call changes nothing."""
        if self._life < 0:
            return
        self._child.kill()
        self._child.wait()
        self._sock.close()
        os.close(self._life)
        self._life = -1

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            self.kill()
