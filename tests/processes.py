"""A whole installation with its web server, for tests that meet Loupe as people and programs do.

``Site`` adds to `tests.host.jobs.stack.Stack` (kill, restart and question any process) a port of
its own, people who can sign in, and waiting for ``/readyz``. Use the fixtures `site` (all
processes, shared by the whole run) and `own_site` (one test's own, to kill parts of).
"""

import contextlib
import http.client
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.host.jobs.stack import ROOT, Stack

PARTS = ("broker", "engine", "worker", "attendant", "trainer", "beat", "web")
READY_SECONDS = 240


def free_port() -> int:
    """A TCP port nobody listens on, which no outgoing connection gets either; another each time.

    The kernel gives outgoing connections ports from 32768 on: one of these could be taken between
    this question and the start of the server that is to listen there.
    """
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


class Site(Stack):
    """An installation that answers on `url`.

    Args:
        probes: whether the tests' probe apps are installed in it.
        demo: whether it has the demo project and people, as after a first `make up`.
    """

    def __init__(
        self,
        var: Path,
        variables: Mapping[str, str] | None = None,
        *,
        probes: bool = True,
        demo: bool = False,
    ) -> None:
        super().__init__(var, {"LOUPE_DEMO": "1" if demo else "0", **(variables or {})})
        self.port = free_port()
        self.answer = ""
        if not probes:
            self.environment["PYTHONPATH"] = f"{ROOT / 'platform'}:{ROOT}"

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Everything `manage.py up` prepares, static files and demo people included."""
        (self.var / "log").mkdir(parents=True, exist_ok=True)
        self.python(
            "import django; django.setup(); from loupe.supervisor import preparing;"
            "[step.do() for step in preparing.steps()]"
        )
        self.plan()

    def plan(self) -> None:
        """Learn how each process is started."""
        super().plan()
        web = self._plan["web"]
        web[web.index("--port") + 1] = str(self.port)

    def python(self, code: str) -> str:
        """Run code inside the installation; the last line it prints."""
        return self._python("-c", f"{code}\nprint()" if "print(" not in code else code)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command inside the installation."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def ready(self) -> bool:
        """Whether ``/readyz`` answers 200 just now."""
        self.answer = ""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            self.answer = answer.read().decode(errors="replace")
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_until_ready(self) -> None:
        """Return once ``/readyz`` answers 200.

        Raises:
            RuntimeError: a process ended, or four minutes passed; the logs' ends are quoted.
        """
        until = time.monotonic() + READY_SECONDS
        while not self.ready():
            ended = [name for name, each in self.processes.items() if each.poll() is not None]
            if ended or time.monotonic() > until:
                raise RuntimeError(f"Not ready: {ended} {self.answer}\n{self.last_words()}")
            time.sleep(0.1)

    def restart(self, name: str) -> None:
        """Kill a part, if it still runs, and start it again."""
        if name in self.processes:
            self.kill(name)
        self.start(name)

    def last_words(self) -> str:
        """The end of every log."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted((self.var / "log").glob("*.log"))
        )


@contextmanager
def running_site(
    variables: Mapping[str, str] | None = None,
    *,
    parts: tuple[str, ...] = PARTS,
    probes: bool = True,
    demo: bool = False,
) -> Iterator[Site]:
    """A prepared, running and ready installation; stopped and removed at the end."""
    # A short path: sockets below it have to fit into 107 bytes.
    with TemporaryDirectory(prefix="loupe-site-", dir="/tmp") as folder:
        site = Site(Path(folder), variables, probes=probes, demo=demo)
        site.prepare()
        try:
            site.start(*parts)
            site.wait_until_ready()
            yield site
        finally:
            site.stop()
