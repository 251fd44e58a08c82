"""A schedule run by hand over HTTP: with a real worker it ends in the history."""

import time
from typing import Any

import pytest

from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

ORDER = {"app": "dummy_app", "task": "nightly", "name": "by hand", "cron": "0 2 1 1 *"}


def test_a_run_by_hand_is_carried_out_and_told_in_the_history(site: Site) -> None:
    with http(site, new_key(site, "by-hand", "view", "manage_schedules")) as client:
        made = client.post("/api/v1/schedules", json=ORDER)
        assert made.status_code == 201, made.text
        path = made.headers["Location"]
        once = {"Idempotency-Key": "tonight"}
        first, again = (client.post(f"{path}/run", headers=once) for _ in range(2))
        assert (first.status_code, first.json()["by_hand"]) == (202, True)
        assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
        until = time.monotonic() + 180
        runs: list[dict[str, Any]] = []
        while not runs or (runs[0]["state"] == "running" and time.monotonic() < until):
            time.sleep(0.1)
            runs = client.get(f"{path}/runs").json()["runs"]
    assert [(run["id"], run["state"]) for run in runs] == [(first.json()["id"], "done")]
    assert runs[0]["outcome"].startswith("counted the night of ")


def test_a_schedule_is_not_run_by_who_may_only_look(site: Site) -> None:
    with http(site, new_key(site, "by-hand", "view", "manage_schedules")) as client:
        path = client.post("/api/v1/schedules", json=ORDER | {"name": "kept"}).headers["Location"]
    with http(site, new_key(site, "by-hand", "view")) as client:
        answer = client.post(f"{path}/run")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
        assert client.get(f"{path}/runs").json()["runs"] == []
