"""A project whose administrator makes webhooks, and receivers that listen on this machine."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import cast

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor


@dataclass
class Receiver:
    """A business system: answers with `statuses` one by one, then with the last of them."""

    server: ThreadingHTTPServer
    statuses: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?from=loupe"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = cast("_Server", self.server).receiver
        with receiver.lock:
            receiver.got.append((self.path, dict(self.headers), body))
            statuses = receiver.statuses
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        self.send_response(status)
        for name, value in receiver.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


class _Server(ThreadingHTTPServer):
    receiver: Receiver


@pytest.fixture
def make_receiver() -> Iterator[Callable[[], Receiver]]:
    servers = []

    def make() -> Receiver:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.receiver = Receiver(server)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        servers.append((server, thread))
        return server.receiver

    yield make
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver(make_receiver: Callable[[], Receiver]) -> Receiver:
    return make_receiver()


@pytest.fixture
def local_allowed(settings: Settings) -> None:
    """As an operator whose business system runs on the same machine."""
    settings.WEBHOOK_ALLOW = [ip_network("127.0.0.1/32")]


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="line-3", name="Line 3")


@pytest.fixture
def admin(project: Project) -> Actor:
    user = User.objects.create_user("anna")
    Membership.objects.create(project=project, user=user, role=Role.ADMIN)
    return Actor(user=user)
