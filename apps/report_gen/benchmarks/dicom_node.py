"""A DICOM node of its own to measure and to try: its process, its folder, its database."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 30.0


class DicomNode:
    """`start` runs ``python -m apps.report_gen.dicom`` until it listens on `port`.

    Args:
        var: the variable folder of the installation; made ready by the node itself.
        variables: more of the environment.
        start_seconds: it has to listen within.
    """

    def __init__(
        self,
        var: Path,
        variables: Mapping[str, str] | None = None,
        start_seconds: float = _START_SECONDS,
    ) -> None:
        self.var = var
        self._start_seconds = start_seconds
        self.port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LOUPE_")},
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
            "DJANGO_SETTINGS_MODULE": "loupe.settings.dev",
            "LOUPE_VAR": str(var),
            "LOUPE_DEMO": "0",
            "LOUPE_DICOM_PORT": str(self.port),
            "LOUPE_DICOM_ANYONE": "yes",
            "LOUPE_MIN_FREE_BYTES": "0",
            **(variables or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.var / "log" / "dicom.log"

    def start(self) -> None:
        """Start, and return when the port answers.

        Raises:
            RuntimeError: it does not, and was ended; the end of what it printed is quoted.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "apps.report_gen.dicom"],
                cwd=ROOT, env=self.environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        try:
            self._answers(self.process)
        except BaseException:
            self.kill()
            raise

    def _answers(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + self._start_seconds
        while time.monotonic() < until and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"The DICOM node did not start: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL, as a machine that runs out of memory does it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9
        finally:
            self.process = None

    def python(self, code: str) -> str:
        """Run code inside the installation; what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{code}"],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return done.stdout.strip()

    def cpu_seconds(self) -> float:
        """Processor time of the process so far."""
        return sum(cpu_seconds(pid) for pid in self.processes())

    def processes(self) -> list[int]:
        """The node's process and those it forked."""
        if self.process is None:
            return []
        pid = self.process.pid
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, below)]

    def memory(self) -> int:
        """Bytes its processes have in memory, what they share counted once (Pss)."""
        total = 0
        for pid in self.processes():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total


@contextmanager
def running(var: Path, variables: Mapping[str, str] | None = None) -> Iterator[DicomNode]:
    """A node that listens; stopped at the end."""
    node = DicomNode(var, variables)
    node.start()
    try:
        yield node
    finally:
        node.stop()


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A TCP port nobody listens on, below those that outgoing connections get."""
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
