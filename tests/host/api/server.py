"""A running installation with its web server on a port of its own, and keys to call it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.host.jobs.stack import ROOT, Stack

START_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """An installation that answers at `url`; `key` opens every scope of the project ``line``."""

    stack: Stack
    url: str
    key: str

    def http(self, key: str | None = None, timeout_s: float = 30.0) -> httpx.Client:
        """A client with a key."""
        headers = {"Authorization": f"Api-Key {key or self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s)

    def new_key(self, project: str = "line", *scopes: str) -> str:
        """Another key."""
        return new_key(self.stack, project, *scopes)


def new_key(stack: Stack, project: str, *scopes: str) -> str:
    """Make a key inside the installation; no scopes: all of them."""
    code = (
        "import django, json, sys; django.setup()\n"
        "from loupe.accounts import keys, projects\n"
        "from loupe.accounts.models import Project\n"
        "from loupe.accounts.policy import SCOPES, SYSTEM\n"
        "slug, scopes = sys.argv[1], sys.argv[2:] or sorted(SCOPES)\n"
        "project = Project.objects.filter(slug=slug).first() or "
        "projects.create(SYSTEM, slug, slug)\n"
        "print(json.dumps(keys.create(SYSTEM, project, 'test', scopes, 'never')[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, project, *scopes],
        env=stack.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return str(json.loads(done.stdout.splitlines()[-1]))


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def serving(var: Path, *parts: str, variables: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A prepared installation with `web` and `parts` running."""
    port = free_port()
    stack = Stack(var, {"LOUPE_HOSTS": "127.0.0.1", **(variables or {})})
    stack.prepare()
    web = stack._plan["web"]
    web[web.index("--port") + 1] = str(port)
    try:
        stack.start(*parts, "web")
        server = Server(stack, f"http://127.0.0.1:{port}", new_key(stack, "line"))
        _wait(server)
        yield server
    finally:
        stack.stop()


def _wait(server: Server) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with server.http() as http:
                http.get("/api/v1/apps").raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > until:
                raise RuntimeError(server.stack.log("web")[-3000:]) from None
            time.sleep(0.1)
