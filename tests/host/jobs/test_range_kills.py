"""Promise: kill -9 in the middle of a cut file keeps every range, once and in order."""

import random
import time
from pathlib import Path

import pytest

from tests.host.jobs.stack import running
from tests.host.jobs.test_kills import UNBLAMED

pytestmark = [pytest.mark.slow, pytest.mark.serial]

ROWS = 150_000
RANGES = 30


@pytest.mark.timeout(1200)
def test_twelve_seeded_kills_of_a_worker_keep_every_range_once_and_in_order(
    tmp_path: Path,
) -> None:
    chance = random.Random(12)
    with running(tmp_path, "broker", "engine", "worker", "beat", variables=UNBLAMED) as stack:
        job = stack.ask("payments", "year.csv", ROWS)
        for _ in range(12):
            time.sleep(chance.uniform(0.05, 0.8))
            stack.kill("worker")
            stack.start("worker")
        progress = stack.until(job)
        assert progress["state"] == "done", (progress, stack.log("worker")[-3000:])
        found = stack.ask("audit", job)
        assert found["states"] == {"done": RANGES}
        assert (found["blocks"], found["tokens"], found["done_without_result"]) == (RANGES, 0, 0)
        assert stack.ask("disorder", job) == []
