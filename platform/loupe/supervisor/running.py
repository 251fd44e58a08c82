"""Starts the processes, tells how that goes, and stays until they end."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from loupe.contract.runtime.errors import LoupeError
from loupe.supervisor import processes
from loupe.supervisor.daemon import RUNNING, ChildState, Daemon
from loupe.supervisor.readiness import is_ready

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 120


class CannotStart(LoupeError):
    """The processes did not come up."""

    code = "cannot_start"


class Installation:
    """One supervisord with every process of this installation."""

    def __init__(self, var: Path, host: str, port: int, tell: Callable[[str], None]) -> None:
        self.host, self.port, self.tell = host, port, tell
        self.daemon = Daemon(var)
        self._child: subprocess.Popen[bytes] | None = None
        self._seen: dict[str, ChildState] = {}
        self._ran: set[str] = set()
        self._stopping = False

    def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises:
            CannotStart: the port is taken, or something does not come up in two minutes.
        """
        self._wait_for_the_last_one_to_end()
        self._check_port()
        self.daemon.write(processes.planned(host=self.host, port=self.port))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        self._child = self.daemon.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_ready(self.host, self.port) and not self._stopping:
            self._tell_changes()
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise CannotStart(self._why())
            time.sleep(POLL_SECONDS)
        self._tell_changes()

    def stay(self) -> None:
        """Return when the processes have ended; tell of each that had to be started again."""
        if self._child is None:
            return
        while self._child.poll() is None:
            if not self._stopping:
                self._tell_changes()
            time.sleep(POLL_SECONDS if self._stopping else 1)

    def stop(self) -> None:
        """End every process and wait for it."""
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            self._child.wait()

    @property
    def stopping(self) -> bool:
        """Whether a signal has asked for the end."""
        return self._stopping

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def _tell_changes(self) -> None:
        for child in self.daemon.children() or []:
            before = self._seen.get(child.name)
            self._seen[child.name] = child
            if before is not None and (before.state, before.pid) == (child.state, child.pid):
                continue
            if child.state == RUNNING:
                again = " again" if child.name in self._ran else ""
                self._ran.add(child.name)
                self.tell(f"{child.name}: running{again} (process {child.pid})")
            elif (before is not None and before.state == RUNNING) or child.state == "BACKOFF":
                log = self.daemon.log_of(child.name)
                self.tell(f"{child.name}: ended and will be started again; see {log}")

    def _check_port(self) -> None:
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise CannotStart(
                    f"Cannot listen on {self.host}:{self.port} ({error.strerror}): end what uses "
                    "it, or choose another port with --port (make up ARGS='--port 8001')."
                ) from error

    def _wait_for_the_last_one_to_end(self) -> None:
        """After a kill, the former supervisord still ends its children."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.daemon.alive():
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"A former supervisord of {self.daemon.configuration} still runs: end it first."
                )
            time.sleep(POLL_SECONDS)

    def _why(self) -> str:
        late = [child for child in self._seen.values() if child.state != RUNNING]
        if not late:
            logs = self.daemon.log_of("web").parent
            return (
                f"Every process runs, but http://{self.host}:{self.port}/readyz did not answer "
                f"200 within {PATIENCE_SECONDS} s: look into {logs}."
            )
        parts = [
            f"{child.name} ({child.note}, see {self.daemon.log_of(child.name)})" for child in late
        ]
        return f"These did not start: {', '.join(parts)}."
