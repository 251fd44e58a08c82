"""Bodies that are too large, too slow, too short, or from nobody."""

import socket
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

TEN_GIB = 10 * 2**30
MEASURE = "/api/v1/dummy_app/measure"
SUBMISSIONS = "/api/v1/submissions?app=dummy_app"


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    return new_key(site, "bodies")


def raw(site: Site, head: str, body: Iterator[bytes] | None = None) -> str:
    """Send bytes as they are; the answer up to its end, or what came before the cut."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as wire:
        wire.sendall(head.replace("\n", "\r\n").encode())
        try:
            for chunk in body or ():
                wire.sendall(chunk)
        except OSError:
            pass  # the server has said no and closed, which is the point
        found = b""
        try:
            while chunk := wire.recv(65536):
                found += chunk
                if b"\r\n\r\n" in found and found.rstrip().endswith(b"}"):
                    break
        except OSError:
            pass
    return found.decode(errors="replace")


@pytest.mark.parametrize("path", [MEASURE, SUBMISSIONS])
def test_ten_gigabytes_announced_are_refused_before_they_are_sent(
    site: Site, key: str, path: str
) -> None:
    head = (
        f"POST {path} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Api-Key {key}\n"
        f"Content-Type: application/octet-stream\nContent-Length: {TEN_GIB}\n\n"
    )
    answer = raw(site, head)
    assert " 413 " in answer.splitlines()[0]
    assert '"code": "too_large"' in answer


def test_endless_chunks_are_cut_off_at_the_limit(site: Site, key: str) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        block = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        while sent < TEN_GIB:
            sent += 65536
            yield block

    head = (
        f"POST {MEASURE} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Api-Key {key}\n"
        "Content-Type: application/octet-stream\nTransfer-Encoding: chunked\n\n"
    )
    web = psutil.Process(site.processes["web"].pid)
    before = web.memory_info().rss
    raw(site, head, endless())
    assert sent < 64 * 2**20
    assert web.memory_info().rss - before < 64 * 2**20


def test_a_large_body_from_nobody_is_not_read(site: Site) -> None:
    head = (
        f"POST {SUBMISSIONS} HTTP/1.1\nHost: 127.0.0.1\n"
        "Content-Type: application/octet-stream\nContent-Length: 1000000\n\n"
    )
    started = time.monotonic()
    answer = raw(site, head)
    assert " 401 " in answer.splitlines()[0]
    assert time.monotonic() - started < 20


def test_a_chunked_body_is_a_file_like_any_other(site: Site, key: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"val'
        yield b'ue": 3}'

    with http(site, key) as client:
        for path, status in ((MEASURE, 200), (SUBMISSIONS, 202)):
            answer = client.post(path, content=chunks())
            assert answer.status_code == status, answer.text


def test_a_body_that_ends_early_leaves_nothing(site: Site, key: str) -> None:
    with http(site, key) as client:
        before = client.get("/api/v1/submissions").json()["submissions"]
        for path in (MEASURE, SUBMISSIONS):
            head = (
                f"POST {path} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Api-Key {key}\n"
                "Content-Length: 500\n\n{"
            )
            with socket.create_connection(("127.0.0.1", site.port), timeout=30) as wire:
                wire.sendall(head.replace("\n", "\r\n").encode())
        time.sleep(0.5)
        assert client.get("/api/v1/submissions").json()["submissions"] == before


def test_web_is_small_and_loads_no_numerical_library(site: Site, key: str) -> None:
    with http(site, key) as client:
        client.get("/api/v1/openapi.json").raise_for_status()
    web = psutil.Process(site.processes["web"].pid)
    loaded = {each.path for each in web.memory_maps()}
    for name in ("torch", "openvino", "onnxruntime", "cv2"):
        assert not [path for path in loaded if f"/{name}/" in path], name


def test_unknown_addresses_and_methods_are_problems_too(site: Site, key: str) -> None:
    with http(site, key) as client:
        for method, path, status in (
            ("GET", "/api/v1/nothing", 404),
            ("PUT", "/api/v1/jobs", 405),
            ("GET", MEASURE, 405),
            ("DELETE", MEASURE, 405),
        ):
            answer: httpx.Response = client.request(method, path)
            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["instance"] == path
