"""Who gets through the public port, and what lies behind it."""

import http.client
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.host.engine.harness import MODEL, EngineProcess
from tests.host.engine.public.conftest import TOKEN, port_of, token_file

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def call(
    engine: EngineProcess, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(engine), timeout=90)
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, {**HEADERS, **headers})
    response = connection.getresponse()
    told = json.loads(response.read() or b"null")
    connection.close()
    return response.status, told


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/loupe/run"),
        ("POST", "/v2/loupe/parse"),
        ("POST", "/v2/loupe/render"),
        ("POST", "/v2/loupe/slabs"),
        ("POST", "/v2/loupe/services/tiny/apply"),
        ("GET", "/v2/loupe/statistics"),
        ("POST", "/v2/cudasharedmemory/region/x/register"),
    ],
)
def test_the_inner_calls_are_not_there(public: EngineProcess, method: str, path: str) -> None:
    status, told = call(public, method, path, {"app": "tiny", "path": "/etc/passwd"})
    assert status == 404
    assert isinstance(told, dict)
    assert told["code"] == "not_found"


def test_a_body_without_a_token_is_not_waited_for(public: EngineProcess) -> None:
    with socket.create_connection(("127.0.0.1", port_of(public)), timeout=90) as sock:
        sock.sendall(
            f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: x\r\n"
            "Content-Length: 60000000\r\n\r\n{".encode()
        )
        answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"Connection: close" in answer
        assert sock.recv(65536) == b""


def test_a_packed_body_is_refused_before_it_is_unpacked(public: EngineProcess) -> None:
    status, told = call(
        public, "POST", f"/v2/models/{MODEL}/infer", {}, **{"Content-Encoding": "gzip"}
    )
    assert status == 400
    assert "Content-Encoding 'gzip'" in str(told)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inputs": 7},
        {"inputs": [{"name": "values", "shape": [4], "datatype": "FP32"}]},
        {"inputs": [{"name": "v", "parameters": {"binary_data_size": 2**60}}]},
        {"inputs": [{"name": "v", "parameters": {"binary_data_size": -1}}]},
        {"inputs": [{"name": "v", "parameters": {"shared_memory_region": "none"}}]},
        {"inputs": [], "outputs": [{}]},
        {"inputs": [], "parameters": {"timeout": "soon"}},
        {"inputs": [], "parameters": {"loupe_lane": "first"}},
    ],
)
def test_what_breaks_the_protocol_is_refused_with_a_sentence(
    public: EngineProcess, body: object
) -> None:
    status, told = call(public, "POST", f"/v2/models/{MODEL}/infer", body)
    assert status in {400, 404}
    assert isinstance(told, dict)
    assert str(told["error"]).endswith(".")


def test_shared_memory_is_off_unless_asked_for(
    start: Callable[..., EngineProcess], tmp_path: Path
) -> None:
    tokens = token_file(tmp_path)
    engine = start("--public", "127.0.0.1:0", "--public-tokens", str(tokens))
    status, told = call(engine, "GET", "/v2/systemsharedmemory/status")
    assert status == 400
    assert "--public-shared-memory" in str(told)


def test_there_is_no_port_unless_asked_for(engine: EngineProcess) -> None:
    assert "public port" not in engine.log.read_text()


@pytest.mark.parametrize(
    ("tokens", "mode", "said"),
    [
        (TOKEN, 0o644, "others may read it"),
        ("short", 0o600, "32 characters or more"),
        ("", 0o600, "32 characters or more"),
    ],
)
def test_an_engine_with_an_unfit_token_file_does_not_start(
    start: Callable[..., EngineProcess], tmp_path: Path, tokens: str, mode: int, said: str
) -> None:
    path = tmp_path / "tokens"
    path.write_text(tokens)
    path.chmod(mode)
    with pytest.raises(AssertionError, match=said):
        start("--public", "127.0.0.1:0", "--public-tokens", str(path))


def test_an_address_of_another_form_is_refused(start: Callable[..., EngineProcess]) -> None:
    with pytest.raises(AssertionError, match="must be HOST:PORT"):
        start("--public", "8001")
