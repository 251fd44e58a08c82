"""Progress as server-sent events, from a real server."""

import json

import pytest

from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]


def submitted(site: Site, key: str, count: int) -> str:
    files = [("file", (f"{n}.json", json.dumps({"value": n}).encode())) for n in range(count)]
    with http(site, key) as client:
        answer = client.post("/api/v1/submissions?app=dummy_app", files=files)
        return str(answer.raise_for_status().headers["Location"])


def events(
    site: Site, key: str, path: str, **headers: str
) -> list[tuple[str, int, dict[str, object]]]:
    """Every event until the stream ends: name, id, data."""
    found: list[tuple[str, int, dict[str, object]]] = []
    with http(site, key) as client, client.stream("GET", path, headers=headers) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if line == "" and "data" in fields:
                found.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
                fields = {}
            elif name:
                fields[name] = value
    return found


def test_stream_tells_progress_and_ends_with_the_job(site: Site) -> None:
    key = new_key(site, "events")
    path = submitted(site, key, 5) + "/events"
    found = events(site, key, path)
    assert [name for name, _, _ in found[-2:]] == ["progress", "end"]
    assert found[-1][2]["done"] == 5
    numbers = [number for _, number, _ in found]
    assert numbers == sorted(set(numbers))


def test_reconnecting_gets_the_truth_at_once(site: Site) -> None:
    key = new_key(site, "events")
    path = submitted(site, key, 2) + "/events"
    events(site, key, path)
    for last in ("7", "x", "99999999999999999999", ""):
        found = events(site, key, path, **{"Last-Event-ID": last})
        assert [name for name, _, _ in found] == ["progress", "end"]
        assert found[0][2]["done"] == 2
    assert events(site, key, path, **{"Last-Event-ID": "7"})[0][1] == 8
