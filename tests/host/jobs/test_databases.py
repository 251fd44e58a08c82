"""Promises that rest on the database: held on SQLite and on PostgreSQL, with real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.jobs.stack import Driver, Stack
from tests.host.jobs.test_kills import assert_all_done_once
from tests.postgres import fresh_database

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(900)]

PARTS = ("broker", "engine", "worker", "beat")


@pytest.fixture(params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """An installation on either database, with nothing running yet."""
    variables = {}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_url")
        variables["DATABASE_URL"] = fresh_database(server, "jobs")
    made = Stack(tmp_path, variables)
    made.prepare()
    yield made
    made.stop()


@pytest.fixture
def drivers(stack: Stack) -> Iterator[list[Driver]]:
    """Four processes that do the same thing at the same moment."""
    made = [Driver(stack) for _ in range(4)]
    for driver in made:
        driver.ask("settle", 0)
    yield made
    for driver in made:
        driver.close()


def test_processes_that_claim_at_once_share_the_items_and_never_one_of_them(
    stack: Stack, drivers: list[Driver]
) -> None:
    jobs = [stack.ask("numbers", 150), stack.ask("numbers", 150)]
    for driver in drivers:
        driver.send("claim_all")
    claimed = [driver.answer() for driver in drivers]
    together = [item for mine in claimed for item in mine]
    assert len(together) == len(set(together)) == 300
    assert sum(bool(mine) for mine in claimed) > 1
    for job in jobs:
        assert stack.ask("audit", job)["states"] == {"leased": 150}


def test_people_who_start_one_submission_at_once_start_one_job(
    stack: Stack, drivers: list[Driver]
) -> None:
    for _ in range(5):
        submission = stack.ask("received", 20)
        for driver in drivers:
            driver.send("start", submission)
        jobs = {driver.answer() for driver in drivers}
        assert len(jobs) == 1
        assert stack.ask("audit", jobs.pop())["items"] == 20


def test_jobs_of_rows_and_of_columns_end_after_a_worker_was_killed(stack: Stack) -> None:
    stack.start(*PARTS)
    table = stack.ask("payments", "quarter.csv", 5000)
    assert stack.until(table)["state"] == "done"
    job = stack.ask("numbers", 1500)
    stack.ask("reach", job, 100, 240)
    stack.kill("worker")
    stack.start("worker")
    assert stack.until(job)["state"] == "done", stack.log("worker")[-3000:]
    assert_all_done_once(stack.ask("audit", job), 1500)
    found = stack.ask("audit", table)
    assert (found["blocks"], found["told"], found["states"]) == (1, 1, {"done": 1})
