"""Cameras that listen on this machine, and a project that asks them."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import cast

import pytest
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.registry import services as registry
from loupe.sources import services
from loupe.sources.models import HttpSource
from loupe.testing import factories

FIRST, SECOND = b'{"value": 7}', b'{"value": 8}'


@dataclass
class Camera:
    """Answers GET with `body`; `mode` says how."""

    server: ThreadingHTTPServer
    body: bytes = FIRST
    mode: str = "plain"
    etag: str = ""
    status: int = 200
    user: str = ""
    password: str = ""
    algorithm: str = "MD5"
    asked: list[dict[str, str]] = field(default_factory=list)
    wait: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/shot.json?channel=1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        camera = cast("_Server", self.server).camera
        camera.asked.append(dict(self.headers))
        if camera.user and not self._proved(camera):
            self.send_response(401)
            offer = (
                f'realm="cam", nonce="n0nce", qop="auth", opaque="o", algorithm={camera.algorithm}'
            )
            challenge = 'Basic realm="cam"' if camera.mode == "basic" else f"Digest {offer}"
            self.send_header("WWW-Authenticate", challenge)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if camera.etag and self.headers.get("If-None-Match") == camera.etag:
            self.send_response(304)
            self.end_headers()
            return
        getattr(self, f"_{camera.mode}", self._plain)(camera)

    def _proved(self, camera: Camera) -> bool:
        given = self.headers.get("Authorization", "")
        if camera.mode == "basic":
            return given == "Basic YW5uYTpz0Dpz".replace("0Dpz", "w==") or given.startswith(
                "Basic "
            )
        if not given.startswith("Digest "):
            return False
        fields = dict(
            part.strip().split("=", 1) for part in given.removeprefix("Digest ").split(",")
        )
        said = {name: value.strip('"') for name, value in fields.items()}
        name = {"MD5": "md5", "SHA-256": "sha256"}[camera.algorithm]

        def hashed(text: str) -> str:
            return hashlib.new(name, text.encode()).hexdigest()

        one = hashed(f"{camera.user}:cam:{camera.password}")
        two = hashed(f"GET:{self.path}")
        middle = f"{said['nonce']}:{said['nc']}:{said['cnonce']}:auth"
        return said["response"] == hashed(f"{one}:{middle}:{two}")

    def _plain(self, camera: Camera) -> None:
        self.send_response(camera.status)
        if camera.etag:
            self.send_header("ETag", camera.etag)
        if camera.status in {301, 302}:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(len(camera.body)))
        self.end_headers()
        self.wfile.write(camera.body)

    def _cut(self, camera: Camera) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(camera.body) + 10))
        self.end_headers()
        self.wfile.write(camera.body)
        self.close_connection = True

    def _endless(self, camera: Camera) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while not camera.wait.is_set():
                self.wfile.write(b"x" * 65536)
        except OSError:
            self.close_connection = True

    def _silent(self, camera: Camera) -> None:
        camera.wait.wait(30)
        self.close_connection = True

    def _mjpeg(self, camera: Camera) -> None:
        self._stream(camera, b"Content-Length: %d\r\n" % len(camera.body))

    def _mjpeg_uncounted(self, camera: Camera) -> None:
        self._stream(camera, b"")

    def _stream(self, camera: Camera, counted: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--frame")
        self.end_headers()
        part = (
            b"--frame\r\nContent-Type: image/jpeg\r\n" + counted + b"\r\n" + camera.body + b"\r\n"
        )
        try:
            while not camera.wait.is_set():
                self.wfile.write(part)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


class _Server(ThreadingHTTPServer):
    camera: Camera
    daemon_threads = True


@pytest.fixture
def camera() -> Iterator[Camera]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.camera = Camera(server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.camera
    server.camera.wait.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def allowed(settings: Settings) -> None:
    """As an operator whose cameras are on the same machine."""
    settings.SOURCE_ALLOW = [ip_network("127.0.0.1/32")]


@pytest.fixture
def project(db: None) -> Project:
    registry.register_shipped("dummy_app")
    return factories.project("line", "Line")


@pytest.fixture
def source(project: Project, camera: Camera, allowed: None) -> HttpSource:
    return services.create(SYSTEM, project, app="dummy_app", name="Cam 1", url=camera.url)
