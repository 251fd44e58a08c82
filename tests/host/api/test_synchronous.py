"""What synchronous calls leave behind, how they repeat, and what happens without an engine."""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

MEASURE = "/api/v1/dummy_app/measure"
SCORE = "/api/v1/stateful_probe/score"
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with http(site, new_key(site, "sync")) as found:
        yield found


def test_a_call_is_on_record_before_it_is_answered(client: httpx.Client) -> None:
    answer = client.post(MEASURE, content=b'{"value": 7}', params={"filename": "seven"}).json()
    submission = client.get(f"/api/v1/submissions/{answer['submission']}").json()
    assert submission["channel"] == "sync"
    assert submission["inputs"][0]["sha256"] == answer["sha256"]
    job = client.get(f"/api/v1/jobs/{answer['job']}").json()
    assert (job["state"], job["progress"]["done"]) == ("done", 1)
    stored = client.get(f"/api/v1/results/{answer['result']}").json()
    assert stored["data"] == answer["data"]
    assert stored["decision"] == answer["decision"]
    assert client.get(f"/api/v1/results/{answer['result']}/input").content == b'{"value": 7}'


def test_no_file_of_a_call_stays_where_bodies_arrive(site: Site, client: httpx.Client) -> None:
    def lying() -> set[Path]:
        return {path for path in (site.var / "spool").glob("*/*") if path.name != "lock"}

    before = lying()
    for body in (b'{"value": 8}', b'{"value": "refused"}'):
        client.post(MEASURE, content=body)
    two = [("file", ("a.json", b'{"value": 1}')), ("file", ("b.json", b'{"value": 2}'))]
    assert client.post(MEASURE, files=two).json()["code"] == "too_many_files"
    until = time.monotonic() + 60
    while lying() - before and time.monotonic() < until:
        time.sleep(0.02)
    assert not lying() - before


def test_sixteen_callers_at_once_are_all_stored_once(client: httpx.Client) -> None:
    found: list[dict[str, Any]] = []

    def call(value: int) -> None:
        for _ in range(5):
            body = json.dumps({"value": value}).encode()
            response = client.post(MEASURE, content=body, params={"deadline_ms": 60_000})
            found.append(response.raise_for_status().json())

    threads = [threading.Thread(target=call, args=(value,)) for value in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer["result"] for answer in found}) == 80
    assert Counter(answer["data"]["value"] for answer in found) == dict.fromkeys(range(16), 5)


def test_repeat_under_one_key_gets_the_first_answer(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = client.post(MEASURE, content=b'{"value": 7}', headers=headers)
    again = client.post(MEASURE, content=b'{"value": 7}', headers=headers)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = client.post(MEASURE, content=b'{"value": 8}', headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("path", [MEASURE, "/api/v1/submissions?app=dummy_app"])
def test_a_race_under_one_key_does_the_work_once(client: httpx.Client, path: str) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"}
    answers: list[httpx.Response] = []

    def call() -> None:
        answers.append(client.post(path, content=b'{"value": 9}', headers=headers))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [answer.json() for answer in answers if answer.is_success]
    late = [answer for answer in answers if not answer.is_success]
    assert done
    assert len({json.dumps(body.get("job", body.get("id"))) for body in done}) == 1
    assert {answer.json()["code"] for answer in late} <= {"idempotency_in_flight"}
    assert all(answer.headers["Retry-After"] == "1" for answer in late)


def test_rows_in_arrow_come_back_in_arrow_and_repeat_exactly(client: httpx.Client) -> None:
    table = pa.table({"account": np.arange(100), "cents": np.full(100, 3)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"Content-Type": ARROW, "Idempotency-Key": uuid.uuid4().hex}
    first = client.post(SCORE, content=sink.getvalue().to_pybytes(), headers=headers)
    again = client.post(SCORE, content=sink.getvalue().to_pybytes(), headers=headers)
    assert first.headers["Content-Type"] == ARROW
    with pa.ipc.open_stream(first.content) as reader:
        answer = reader.read_all()
    with pa.ipc.open_stream(again.content) as reader:
        repeated = reader.read_all()
    assert answer.column("account").to_pylist() == list(range(100))
    assert answer.to_pydict() == repeated.to_pydict()
    facts = json.loads(answer.schema.metadata[b"loupe"])
    assert client.get(f"/api/v1/jobs/{facts['job']}").json()["state"] == "done"


def test_without_an_engine_the_declared_policy_decides_and_says_so(own_site: Site) -> None:
    key = new_key(own_site)
    with http(own_site, key) as client:
        assert client.post(MEASURE, content=b'{"value": 7}').status_code == 200
        own_site.kill("engine")
        refused = client.post(MEASURE, content=b'{"value": 7}')
        assert (refused.status_code, refused.json()["code"]) == (503, "engine_unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        for policy, outcome in (("fail_open", "low"), ("fail_closed", "high")):
            ways: tuple[dict[str, Any], ...] = (
                {"params": {"policy": policy}},
                {"headers": {"Loupe-Fallback": policy}},
            )
            for asked in ways:
                answer = client.post(MEASURE, content=b'{"value": 7}', **asked).json()
                assert (answer["fallback"], answer["outcome"]) == (policy, outcome)
                assert answer["trouble"]["code"] == "engine_unavailable"
                assert (answer["result"], answer["data"]) == (None, None)
                row = client.get(f"/api/v1/submissions/{answer['submission']}").json()
                assert row["fallback"] == policy
                assert row["inputs"][0]["sha256"] == answer["sha256"]
        rows = client.post(SCORE + "?policy=fail_closed", json=[{"account": 1, "cents": 2}]).json()
        assert rows["fallback"] == "fail_closed"
        assert [row["decision"]["outcome"] for row in rows["rows"]] == ["block"]
        recorded = client.get("/api/v1/submissions").json()["submissions"]
        assert Counter(each["fallback"] for each in recorded)["fail_open"] == 2
        assert len(recorded) == 7
        failed = client.get("/api/v1/changes", params={"kinds": "item.failed"}).json()["changes"]
        assert len(failed) == 6
