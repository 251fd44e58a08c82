"""Whatever is sent to the engine, it answers in HTTP, reads nothing it should not, and lives."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loupe.engine.client import EngineClient
from loupe.engine.exchange import Response
from loupe.engine.http import MAX_BODY
from tests.host.engine.harness import MODEL, EngineProcess

pytestmark = pytest.mark.serial

INFER = f"/v2/models/{MODEL}/versions/1/infer"
FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


def exchange(engine: EngineProcess, data: bytes) -> bytes:
    """The whole answer to one request."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(str(engine.socket))
        sock.sendall(data)
        answer = b""
        response = Response()
        while not response.done and (part := sock.recv(65536)):
            answer += part
            response.feed(part)
        assert response.done, answer
        return answer


def leftovers(engine: EngineProcess, data: bytes) -> bytes:
    """What comes back for bytes that may be no request, until the engine closes."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(str(engine.socket))
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            parts = []
            while part := sock.recv(65536):
                parts.append(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return b"".join(parts)


def post(path: str, document: object, tail: bytes = b"", headers: str = "") -> bytes:
    body = json.dumps(document).encode()
    length = f"Inference-Header-Content-Length: {len(body)}\r\n" if tail else ""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{length}{headers}"
    return f"{head}Content-Length: {len(body) + len(tail)}\r\n\r\n".encode() + body + tail


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.fixture(autouse=True)
def still_lives(engine: EngineProcess) -> Iterator[None]:
    """After each test the engine that ran before still answers."""
    pid = engine.pid
    yield
    assert engine.process is not None
    assert engine.process.poll() is None
    assert engine.pid == pid
    assert EngineClient(engine.socket).ready()


@FUZZ
@given(data=st.binary(min_size=1, max_size=300))
def test_bytes_that_are_not_http_are_refused_or_ignored(engine: EngineProcess, data: bytes) -> None:
    answer = leftovers(engine, data + b"\r\n\r\n")
    assert not answer or 400 <= status(answer) < 500


@FUZZ
@given(
    document=JSON,
    path=st.sampled_from(
        [
            INFER,
            "/v2/repository/index",
            f"/v2/repository/models/{MODEL}/load",
            f"/v2/repository/models/{MODEL}/unload",
            "/v2/loupe/slabs",
            "/v2/loupe/services/tiny/apply",
            "/v2/loupe/run",
            "/v2/loupe/parse",
            "/v2/loupe/render",
        ]
    ),
)
def test_any_json_gets_an_answer_that_is_no_fault(
    engine: EngineProcess, document: object, path: str
) -> None:
    answer = exchange(engine, post(path, document))
    assert status(answer) != 500, answer
    json.loads(answer.partition(b"\r\n\r\n")[2])


TENSOR = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["values", "", 1]),
        "datatype": st.sampled_from(["FP32", "UINT8", "BYTES", 4]),
        "shape": st.lists(st.integers(-1, 2**63), max_size=3) | st.just([4]) | st.text(max_size=3),
        "data": st.lists(st.floats() | st.integers() | st.text(max_size=3), max_size=5),
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                "binary_data_size": st.integers(-1, 2**64) | st.sampled_from([0, 16]),
                "shared_memory_region": st.sampled_from(["LEASED", "nothing", "../passwd", 5]),
                "shared_memory_offset": st.integers(-1, 2**64) | st.sampled_from([0, 65520, 65532]),
                "shared_memory_byte_size": st.integers(-1, 2**64) | st.sampled_from([16, 32]),
            },
        ),
    },
)


@FUZZ
@given(tensors=st.lists(TENSOR, max_size=2), tail=st.binary(max_size=32))
def test_tensors_are_read_within_their_memory_or_refused(
    engine: EngineProcess, client: EngineClient, tensors: list[dict[str, Any]], tail: bytes
) -> None:
    with client.lease(65536) as slab:
        for tensor in tensors:
            place = tensor.get("parameters", {})
            if place.get("shared_memory_region") == "LEASED":
                place["shared_memory_region"] = slab.name
        answer = exchange(engine, post(INFER, {"inputs": tensors}, tail))
    # 500: the runner was handed a well-formed request without its tensor.
    assert status(answer) in (200, 400, 404, 500), answer
    if status(answer) == 500:
        assert b"KeyError: 'values'" in answer


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET /v2/nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"DELETE /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /v2/models/../../etc/versions/1 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /v2/models/..%2f..%2fetc/versions/1 HTTP/1.1\r\nHost: x\r\n\r\n", 409),
        (b"GET /v2/models/a.b.c/versions/0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (post("/v2/loupe/slabs", {"byte_size": 0}), 400),
        (post("/v2/loupe/slabs", {"byte_size": 2**45}), 400),
        (post("/v2/loupe/slabs", [1]), 400),
        (b"POST " + INFER.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{,}", 400),
        (post(INFER, {}, b"x", "Inference-Header-Content-Length: 99999\r\n"), 400),
        (post(INFER, {}, b"x", "Inference-Header-Content-Length: -1\r\n"), 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"b" * 50_000, 400),
    ],
)
def test_a_wrong_request_gets_its_status(
    engine: EngineProcess, request_bytes: bytes, expected: int
) -> None:
    assert status(exchange(engine, request_bytes)) == expected


def test_a_body_that_is_too_large_is_refused_before_it_is_read(engine: EngineProcess) -> None:
    head = f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: {2**40}\r\n\r\n".encode()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(str(engine.socket))
        sock.sendall(head)
        sent = 0
        block = bytes(2**20)
        try:
            while sent <= MAX_BODY + 2**24:
                sent += sock.send(block)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent <= MAX_BODY + 2**24


def test_requests_sent_in_one_go_are_answered_in_order(engine: EngineProcess) -> None:
    one = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(str(engine.socket))
        sock.sendall(one * 20 + two * 20 + last)
        answer = b""
        while part := sock.recv(65536):
            answer += part
    assert answer.count(b"HTTP/1.1 200 OK") == 41
    assert answer.rindex(b'"live":true') < answer.index(b'"extensions"')


def test_any_client_of_the_protocol_can_use_plain_json(engine: EngineProcess) -> None:
    document = {
        "id": "42",
        "inputs": [{"name": "values", "shape": [2], "datatype": "FP32", "data": [1, 2]}],
        "outputs": [{"name": "scaled"}],
    }
    answer = json.loads(exchange(engine, post(INFER, document)).partition(b"\r\n\r\n")[2])
    assert answer["id"] == "42"
    assert answer["model_name"] == MODEL
    assert answer["outputs"] == [
        {"name": "scaled", "shape": [2], "datatype": "FP32", "data": [2.0, 4.0]}
    ]


def test_an_output_is_written_where_the_request_wants_it(
    engine: EngineProcess, client: EngineClient
) -> None:
    with client.lease(4096) as slab:
        region = {"shared_memory_region": slab.name, "shared_memory_offset": 128}
        document = {
            "inputs": [{"name": "values", "shape": [2], "datatype": "FP32", "data": [1, 2]}],
            "outputs": [
                {"name": "scaled", "parameters": {**region, "shared_memory_byte_size": 64}}
            ],
        }
        answer = json.loads(exchange(engine, post(INFER, document)).partition(b"\r\n\r\n")[2])
        assert answer["outputs"][0]["parameters"] == {**region, "shared_memory_byte_size": 8}
        assert slab.array("float32", (2,), 128).tolist() == [2.0, 4.0]
        document["outputs"][0]["parameters"]["shared_memory_byte_size"] = 4  # type: ignore[index]
        assert status(exchange(engine, post(INFER, document))) == 400


def test_the_protocols_metadata_and_statistics_are_there(
    engine: EngineProcess, client: EngineClient
) -> None:
    def get(path: str) -> Any:
        raw = exchange(engine, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return json.loads(raw.partition(b"\r\n\r\n")[2])

    client.load(MODEL, 1)
    model = f"/v2/models/{MODEL}/versions/1"
    assert get("/v2")["name"] == "loupe"
    assert get(model)["platform"] == "loupe_json"
    assert get(model + "/ready") == {"name": MODEL, "ready": True}
    stats = get(model + "/stats")["model_stats"][0]
    assert stats["version"] == "1"
    assert stats["inference_stats"]["success"].keys() == {"count", "ns"}
