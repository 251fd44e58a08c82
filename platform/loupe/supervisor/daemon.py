"""supervisord: its configuration, its start, and what it says about its children."""

import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ServerProxy  # answers come from our own child

from supervisor.xmlrpc import SupervisorTransport

from loupe.supervisor.processes import Process, dies_with_parent

RUNNING = "RUNNING"


@dataclass(frozen=True)
class ChildState:
    """What supervisord says about one child."""

    name: str
    state: str
    pid: int
    note: str


@dataclass(frozen=True)
class Daemon:
    """One supervisord, kept below `var`."""

    var: Path

    @property
    def socket(self) -> Path:
        """Where it answers questions about its children."""
        return self.var / "run" / "supervisor.sock"

    @property
    def configuration(self) -> Path:
        """The file written by `write`."""
        return self.var / "run" / "supervisord.conf"

    def log_of(self, name: str) -> Path:
        """A child's output, standard error included."""
        return self.var / "log" / f"{name}.log"

    def write(self, processes: Iterable[Process]) -> None:
        """Write the configuration that runs `processes`.

        Paths are relative to `var`, where supervisord runs: it reads percent signs in some of its
        options twice, so that none in a folder's name could be written for all of them.
        """
        sections = [_section("supervisord", self._own_options())]
        sections.append(
            _section("unix_http_server", {"file": "run/supervisor.sock", "chmod": "0600"})
        )
        factory = "supervisor.rpcinterface:make_main_rpcinterface"
        sections.append(
            _section("rpcinterface:supervisor", {"supervisor.rpcinterface_factory": factory})
        )
        sections += [
            _section(f"program:{process.name}", self._options_of(process, order))
            for order, process in enumerate(processes, start=1)
        ]
        self.configuration.write_text("\n".join(sections), encoding="utf-8")

    def _own_options(self) -> dict[str, str]:
        return {
            "logfile": "log/supervisord.log",
            "pidfile": "run/supervisord.pid",
            "childlogdir": "log",
            "nodaemon": "true",
            "silent": "true",
        }

    def _options_of(self, process: Process, order: int) -> dict[str, str]:
        return {
            "command": shlex.join(dies_with_parent(process.argv)),
            "priority": str(order),
            "autorestart": "true",
            "startsecs": "2",
            # The pause before each new try grows by a second; so many tries never run out.
            "startretries": "10000",
            "stopwaitsecs": str(process.stop_seconds),
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": f"log/{process.name}.log",
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "3",
        }

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it as a child that ends when this process does."""
        argv = (sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration))
        with self.log_of("supervisord-errors").open("ab") as errors:
            return subprocess.Popen(
                dies_with_parent(argv), cwd=self.var, stdout=subprocess.DEVNULL, stderr=errors
            )

    def alive(self) -> bool:
        """Whether a supervisord of this configuration exists, if only to end its children."""
        try:
            pid = int((self.var / "run" / "supervisord.pid").read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return False
        return str(self.configuration).encode() in command

    def children(self) -> list[ChildState] | None:
        """The state of every child; None while supervisord does not answer."""
        transport = SupervisorTransport(None, None, serverurl=f"unix://{self.socket}")
        proxy = ServerProxy("http://127.0.0.1", transport=transport)
        try:
            answers = cast("list[dict[str, Any]]", proxy.supervisor.getAllProcessInfo())
        except (OSError, HTTPException, Fault):
            return None
        return [
            ChildState(
                name=str(answer["name"]),
                state=str(answer["statename"]),
                pid=int(answer["pid"]),
                note=str(answer["spawnerr"] or answer["description"]),
            )
            for answer in answers
        ]


def _section(name: str, options: dict[str, str]) -> str:
    """One section; a percent sign would start an interpolation."""
    lines = [f"{key} = {value.replace('%', '%%')}" for key, value in options.items()]
    return "\n".join([f"[{name}]", *lines, ""])
