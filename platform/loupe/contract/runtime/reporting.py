"""The two reporters there are: one writes to the host through a pipe, one to a person's screen."""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from loupe.contract.runtime.errors import Cancelled
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.reporter import Reporter

SCREEN_EVERY_SECONDS = 1.0


class PipeReporter:
    """A `Reporter` that writes JSON lines to `report` and listens for ``cancel`` on `commands`.

    `commands` may be None: the work then cannot be asked to stop, only killed.
    """

    def __init__(self, report: int, commands: int | None) -> None:
        self._report = report
        self._commands = commands

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Tell how far the work is.

        Raises:
            Cancelled: the host asked for the work to stop.
        """
        self.send({"progress": done / total if total else 0.0, "note": note})
        self._listen()

    def metrics(self, values: dict[str, JsonValue]) -> None:
        """Tell figures of this moment.

        Raises:
            Cancelled: the host asked for the work to stop.
        """
        self.send({"metrics": values})
        self._listen()

    def send(self, message: Mapping[str, Any]) -> None:
        """Write one line to the host."""
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._report, data) :]

    def _listen(self) -> None:
        if self._commands is None or not select.select([self._commands], [], [], 0)[0]:
            return
        if os.read(self._commands, 100):
            raise Cancelled("The work was cancelled.")
        self._commands = None  # the other end closed it: nobody will ask any more


class ConsoleReporter:
    """A `Reporter` for a person at a terminal: lines on `stream`, Ctrl-C and SIGTERM cancel.

    Progress is printed once a second at most; figures always.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._printed_at = 0.0
        self._stopped = False

    def listen(self) -> None:
        """Turn the first SIGINT or SIGTERM into `Cancelled` at the next report; a second one ends
        the process as usual. Main thread only."""

        def stop(number: int, _: object) -> None:
            self._stopped = True
            signal.signal(number, signal.SIG_DFL)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Print how far the work is.

        Raises:
            Cancelled: Ctrl-C was pressed.
        """
        now = time.monotonic()
        if now - self._printed_at >= SCREEN_EVERY_SECONDS or done >= total:
            self._printed_at = now
            share = 100 * done / total if total else 0.0
            print(f"{share:5.1f} %  {note}".rstrip(), file=self._stream, flush=True)
        self._check()

    def metrics(self, values: dict[str, JsonValue]) -> None:
        """Print figures of this moment.

        Raises:
            Cancelled: Ctrl-C was pressed.
        """
        shown = (f"{name} {_figure(value)}" for name, value in values.items())
        print("  ".join(shown), file=self._stream, flush=True)
        self._check()

    def _check(self) -> None:
        if self._stopped:
            raise Cancelled("The work was stopped by Ctrl-C or SIGTERM.")


class RecordingReporter:
    """Passes everything on to `reporter` and appends every `metrics` to a file, one JSON line
    each. After a kill a step may stand there twice: the later line counts."""

    def __init__(self, reporter: Reporter, history: Path) -> None:
        self._reporter = reporter
        self._history = history

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Pass it on."""
        self._reporter.progress(done, total, note)

    def metrics(self, values: dict[str, JsonValue]) -> None:
        """Keep it and pass it on."""
        with self._history.open("a") as lines:
            lines.write(json.dumps(values) + "\n")
        self._reporter.metrics(values)


def _figure(value: JsonValue) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
