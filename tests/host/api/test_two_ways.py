"""The short ASGI way and the long way through Django give equal answers, scopes, limits, errors."""

import base64
import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.host.api.server import new_key
from tests.host.jobs.stack import ROOT
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

MEASURE = "/api/v1/dummy_app/measure"
SCORE = "/api/v1/stateful_probe/score"
VOLATILE = ("submission", "job", "item", "result", "created_at", "times_ms", "request_id")
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=cut"}


def part(name: str, body: bytes) -> bytes:
    head = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + body + b"\r\n"


def cases(full: str, view: str, other: str) -> dict[str, tuple[str, dict[str, str], bytes]]:
    """Every kind of call worth comparing: path, headers, body."""
    key = {"Authorization": f"Api-Key {full}"}
    rows = json.dumps([{"account": 77, "cents": 0}]).encode()
    return {
        "good": (MEASURE, key | JSON, b'{"value": 7}'),
        "bearer": (MEASURE, {"Authorization": f"Bearer {full}"} | JSON, b'{"value": 7}'),
        "named": (MEASURE + "?filename=a.json&model=double", key, b'{"value": 50}'),
        "form": (MEASURE, key | FORM, part("b.json", b'{"value": 1}') + b"--cut--\r\n"),
        "two files": (
            MEASURE,
            key | FORM,
            part("a", b"1") + part("b", b"2") + b"--cut--\r\n",
        ),
        "broken form": (MEASURE, key | {"Content-Type": "multipart/form-data"}, b"x"),
        "empty form": (MEASURE, key | FORM, b"--cut--\r\n"),
        "facts by query": (MEASURE + "?batch=b1&tray=t", key | JSON, b'{"value": 7}'),
        "facts by form": (
            MEASURE,
            key | FORM,
            b'--cut\r\nContent-Disposition: form-data; name="batch"\r\n\r\nb2\r\n'
            + part("b.json", b'{"value": 1}')
            + b"--cut--\r\n",
        ),
        "unknown batch": (MEASURE + "?batch=b9", key | JSON, b'{"value": 7}'),
        "facts twice": (
            MEASURE + "?batch=b1",
            key | FORM,
            b'--cut\r\nContent-Disposition: form-data; name="batch"\r\n\r\nb2\r\n'
            + part("b.json", b'{"value": 1}')
            + b"--cut--\r\n",
        ),
        "project by name": (MEASURE + "?project=line", key | JSON, b'{"value": 7}'),
        "project not mine": (MEASURE + "?project=elsewhere", key | JSON, b'{"value": 7}'),
        "unknown model": (MEASURE + "?model=nothing", key | JSON, b'{"value": 7}'),
        "empty": (MEASURE, key | JSON, b""),
        "not json": (MEASURE, key | JSON, b"\x89PNG\r\n\x1a\n0000"),
        "refused by the app": (MEASURE, key | JSON, b'{"value": "x"}'),
        "too large": (MEASURE, key | JSON, b" " * 10_001),
        "scope missing": (MEASURE, {"Authorization": f"Api-Key {view}"} | JSON, b'{"value": 7}'),
        "wrong key": (MEASURE, {"Authorization": "Api-Key abc.def"} | JSON, b'{"value": 7}'),
        "malformed key": (MEASURE, {"Authorization": "Basic eDp5"} | JSON, b'{"value": 7}'),
        "other project's key": (MEASURE, {"Authorization": f"Api-Key {other}"}, b'{"value": 7}'),
        "bad policy": (MEASURE + "?policy=maybe", key | JSON, b'{"value": 7}'),
        "bad deadline": (MEASURE + "?deadline_ms=0", key | JSON, b'{"value": 7}'),
        "negative deadline": (MEASURE + "?deadline_ms=-3", key | JSON, b'{"value": 7}'),
        "bad idempotency key": (MEASURE, key | {"Idempotency-Key": "é"}, b'{"value": 7}'),
        "rows": (SCORE, key | JSON, rows),
        "ndjson": (
            SCORE,
            key | {"Content-Type": "application/x-ndjson"},
            b'{"account": 78, "cents": 0}\n{"account": 78, "cents": 0}\n',
        ),
        "bad row": (SCORE, key | JSON, b'[{"account": -1, "cents": 0}]'),
        "unknown field": (SCORE, key | JSON, b'[{"account": 1, "cents": 0, "x": 1}]'),
        "no rows": (SCORE, key | JSON, b"[]"),
        "too many rows": (
            SCORE,
            key | JSON,
            json.dumps([{"account": 1, "cents": 0}] * 10_001).encode(),
        ),
        "not rows": (SCORE, key | JSON, b"{"),
        "unknown type of rows": (SCORE, key | {"Content-Type": "text/csv"}, b"a"),
        "arrow that is none": (
            SCORE,
            key | {"Content-Type": "application/vnd.apache.arrow.stream"},
            b"nonsense",
        ),
    }


@pytest.fixture(scope="module")
def answers(site: Site) -> dict[str, tuple[Any, Any]]:
    """What each case gets on the short way and on the long way."""
    asked = cases(new_key(site), new_key(site, "line", "view"), new_key(site, "elsewhere"))
    short = []
    with httpx.Client(base_url=site.url, timeout=60) as client:
        for path, headers, body in asked.values():
            raw = [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
            response = client.post(path, headers=raw, content=body)
            kind = response.headers["Content-Type"]
            short.append([response.status_code, kind, response.json(), dict(response.headers)])
    sent = [
        {"path": path, "headers": headers, "body": base64.b64encode(body).decode()}
        for path, headers, body in asked.values()
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.host.api.long_way"],
        input=json.dumps(sent),
        env=site.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    long = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(asked, zip(short, long, strict=True), strict=True))


def steady(body: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs from call to call."""
    kept = {name: value for name, value in body.items() if name not in VOLATILE}
    for row in kept.get("rows", ()):
        row["data"].pop("count")  # live state: it moves on from call to call
    return kept | {"stages": sorted(body.get("times_ms", {}))}


@pytest.mark.parametrize("name", list(cases("", "", "")))
def test_both_ways_answer_alike(name: str, answers: dict[str, tuple[Any, Any]]) -> None:
    short, long = answers[name]
    assert short[0] == long[0], (short, long)
    assert short[1] == long[1]
    assert steady(short[2]) == steady(long[2])
    for header in ("www-authenticate", "retry-after"):
        assert short[3].get(header) == {k.lower(): v for k, v in long[3].items()}.get(header)


def test_cases_cover_success_and_every_kind_of_refusal(
    answers: dict[str, tuple[Any, Any]],
) -> None:
    statuses = {short[0] for short, _ in answers.values()}
    assert statuses >= {200, 400, 401, 403, 404, 413, 415, 422}
