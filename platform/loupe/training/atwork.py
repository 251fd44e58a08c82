"""One run's child process: started, heard, asked to stop, ended."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from loupe.contract.runtime.devices import VISIBLE
from loupe.contract.runtime.line_flag import VARIABLE as LINE_FLAG
from loupe.contract.runtime.line_flag import beside
from loupe.contract.runtime.offline import VARIABLES
from loupe.training.models import Run
from loupe.training.places import folder_of
from loupe.training.preparing import Prepared

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "TMPDIR", "LOUPE_VAR", VISIBLE)
LONGEST_LINE = 2**20  # bytes; what is longer is no report


class Child:
    """The process of one run.

    Attributes:
        progress, note: the latest it said of itself.
        figures: by step, what it reported since they were last taken.
        ending: its last message: ``done``, ``refused``, ``postponed``, ``cancelled``, ``broken``.
        heard_at: when it last said anything, on the monotonic clock.
    """

    def __init__(self, run: Run, prepared: Prepared, device: str) -> None:
        self.progress, self.note = run.progress, ""
        self.figures: dict[int, Mapping[str, Any]] = {}
        self.ending: dict[str, Any] | None = None
        self.heard_at = time.monotonic()
        self.cancelled_at: float | None = None
        self._step = 0
        self._messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        read, write = os.pipe()
        life_read, self._life = os.pipe()
        folder = folder_of(run)
        try:
            with (folder / "log.txt").open("ab") as log:
                self.process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "loupe.training.child", str(life_read)),
                        *(prepared.module, *prepared.arguments, "--report-fd", str(write)),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(write, life_read),
                    start_new_session=True,
                    env=environment(run.app, device, folder / "home"),
                    cwd=folder,
                )
        except OSError:
            os.close(read)
            os.close(self._life)
            raise
        finally:
            os.close(write)
            os.close(life_read)
        self._listener = threading.Thread(target=self._listen, args=(read,), daemon=True)
        self._listener.start()

    def _listen(self, read: int) -> None:
        with os.fdopen(read, "rb") as reports:
            while line := reports.readline(LONGEST_LINE):
                try:
                    said = json.loads(line)
                except ValueError:
                    continue  # cut off by a kill
                if isinstance(said, dict):
                    self._messages.put(said)

    def hear(self) -> None:
        """Take in what the child has said."""
        while True:
            try:
                message = self._messages.get_nowait()
            except queue.Empty:
                return
            self.heard_at = time.monotonic()
            if "progress" in message:
                self.progress = max(0.0, min(1.0, float(message["progress"])))
                self.note = str(message.get("note", ""))[:200]
            elif "metrics" in message:
                self._keep(dict(message["metrics"]))
            else:
                self.ending = message

    def _keep(self, values: dict[str, Any]) -> None:
        step = values.pop("step", None)
        self._step = step if isinstance(step, int) and step >= 0 else self._step + 1
        self.figures[self._step] = values

    def take_figures(self) -> dict[int, Mapping[str, Any]]:
        """What was reported since the last call."""
        taken, self.figures = self.figures, {}
        return taken

    @property
    def running(self) -> bool:
        """Whether the child lives and has not told its ending yet."""
        return self.ending is None and self.process.poll() is None

    def cancel(self) -> None:
        """Ask the work to stop; `kill` follows when it does not listen."""
        if self.cancelled_at is not None:
            return
        self.cancelled_at = time.monotonic()
        pipe = self.process.stdin
        if pipe is None:
            return
        try:
            pipe.write(b"cancel\n")
            pipe.flush()
        except BrokenPipeError:
            return  # it has died; the next look notices

    def kill(self) -> None:
        """End the child and all that it started, now."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def close(self, patience: float = 10.0) -> None:
        """Wait for the child's end; what it leaves running is ended."""
        try:
            self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        self.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()
        os.close(self._life)
        self._listener.join(timeout=patience)  # what it said last is still in the pipe
        self.hear()


def environment(app: str, device: str, home: Path) -> dict[str, str]:
    """The child's environment: no keys, no addresses; one device; the app's own variables."""
    prefix = f"{app.upper()}_"
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(prefix)
    }
    if device != "auto":
        kept[VISIBLE] = "" if device == "cpu" else device
    return {
        **kept,
        **VARIABLES,
        "HOME": str(home),
        "YOLO_CONFIG_DIR": str(home),
        "MPLCONFIGDIR": str(home),
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it cuBLAS is not deterministic
        "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        LINE_FLAG: str(beside(Path(settings.ENGINE_SOCKET))),
    }
