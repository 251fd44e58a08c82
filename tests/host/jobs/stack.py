"""A whole installation of real processes in a folder of its own, to kill parts of and count.

The parts are those `manage.py up` starts, from the same list. `Stack.ask` runs a verb of
`tests.host.jobs.driver` inside the installation and returns its JSON.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.probe_apps import FOLDER

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 300.0
PLAN = (
    "import django, json; django.setup(); from loupe.supervisor.processes import planned; "
    "print(json.dumps({p.name: p.argv for p in planned(host='127.0.0.1', port=0)}))"
)


class Stack:
    """Processes of one installation below the folder `var`.

    Args:
        variables: more of the environment, e.g. ``LOUPE_LEASE_SECONDS``.
    """

    def __init__(self, var: Path, variables: Mapping[str, str] | None = None) -> None:
        self.var = var
        paths = [str(FOLDER), str(ROOT / "platform"), str(ROOT)]
        self.environment = {
            **{name: value for name, value in os.environ.items() if not _ours(name)},
            "PYTHONPATH": os.pathsep.join(paths),
            "DJANGO_SETTINGS_MODULE": "loupe.settings.dev",
            "LOUPE_VAR": str(var),
            "LOUPE_DEMO": "0",
            "LOUPE_LEASE_SECONDS": "3",
            "LOUPE_MIN_FREE_BYTES": "0",
            **(variables or {}),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._plan: dict[str, list[str]] = {}
        self._driver: Driver | None = None

    def prepare(self) -> None:
        """Make folders, database and models, as `manage.py up` does."""
        (self.var / "log").mkdir(parents=True, exist_ok=True)
        self.ask("prepare")
        self.plan()

    def plan(self) -> None:
        """Learn how each part is started."""
        self._plan = json.loads(self._python("-c", PLAN))

    def plan_more(self, name: str, command: list[str]) -> None:
        """Have `start` know one more process."""
        self._plan[name] = command

    def start(self, *names: str) -> None:
        """Start parts by name: broker, engine, worker, attendant, beat, web."""
        for name in names:
            with (self.var / "log" / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self._plan[name],
                    env=self.environment,
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def kill(self, name: str) -> None:
        """SIGKILL a part and everything below it, as a machine's out-of-memory killer might."""
        process = self.processes.pop(name)
        below = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for child in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()

    def children(self, name: str) -> list[psutil.Process]:
        """Processes directly below a part."""
        return list(psutil.Process(self.processes[name].pid).children())

    def stop(self) -> None:
        """Ask every part to end; what does not is killed."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 45
        for name in list(self.processes):
            try:
                self.processes[name].wait(timeout=max(0.1, until - time.monotonic()))
                del self.processes[name]
            except subprocess.TimeoutExpired:
                self.kill(name)

    def ask(self, verb: str, *arguments: object) -> Any:
        """Run a verb of the driver inside the installation."""
        if self._driver is None:
            self._driver = Driver(self)
        return self._driver.ask(verb, *arguments)

    def until(self, job: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until the job has ended; its progress."""
        return dict(self.ask("wait", job, seconds))

    def _python(self, *arguments: str) -> str:
        """Run Python inside the installation; the last line it prints.

        Raises:
            RuntimeError: it failed; its last words are quoted.
        """
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-4000:])
        return done.stdout.splitlines()[-1]

    def log(self, name: str) -> str:
        """What a part has written so far."""
        return (self.var / "log" / f"{name}.log").read_text(errors="replace")


class Driver:
    """One process of `tests.host.jobs.driver` inside an installation."""

    def __init__(self, stack: Stack) -> None:
        self._log = stack.var / "log" / "driver.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.host.jobs.driver"],
                env=stack.environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ask(self, verb: str, *arguments: object) -> Any:
        """Run a verb and return its answer."""
        self.send(verb, *arguments)
        return self.answer()

    def send(self, verb: str, *arguments: object) -> None:
        """Ask without waiting for the answer."""
        if self._process.stdin is None:
            raise RuntimeError("The driver has no pipe.")
        self._process.stdin.write(json.dumps([verb, *arguments]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """The answer to the verb sent last.

        Raises:
            RuntimeError: the verb failed; the log's end is quoted.
        """
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(self._log.read_text(errors="replace")[-4000:])
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@contextmanager
def running(var: Path, *parts: str, variables: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """A prepared installation with `parts` running, stopped at the end."""
    stack = Stack(var, variables)
    stack.prepare()
    try:
        stack.start(*parts)
        yield stack
    finally:
        stack.stop()


def _ours(name: str) -> bool:
    return name.startswith(("LOUPE_", "DATABASE_", "BROKER_", "STORAGE_"))
