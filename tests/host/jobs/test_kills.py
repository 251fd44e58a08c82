"""Promise: kill -9 of anything at any moment loses no item, counts none twice, and the job ends."""

import contextlib
import random
import time
from pathlib import Path

import psutil
import pytest

from tests.host.jobs.stack import Stack, running

pytestmark = [pytest.mark.slow, pytest.mark.serial]

PARTS = ("broker", "engine", "worker", "attendant", "beat", "web")
UNBLAMED = {"LOUPE_MAX_ATTEMPTS": "60"}  # chance may kill the worker of one item three times
KINDS = ("worker child", "worker", "engine", "broker", "beat", "web")


def assert_all_done_once(found: dict[str, object], count: int) -> None:
    """Every item has one result, one decision and one line in the feed, all of them right."""
    assert found["states"] == {"done": count}
    assert (found["items"], found["results"], found["distinct"]) == (count, count, count)
    assert found["decisions"] == count
    assert (found["told"], found["told_once"]) == (count, count)
    assert (found["tokens"], found["wrong"], found["done_without_result"]) == (0, 0, 0)


def kill(stack: Stack, kind: str, chance: random.Random) -> None:
    """SIGKILL one thing and start again what a supervisor would start again."""
    if kind == "worker child":
        children = stack.children("worker")
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended by itself
            if children:
                chance.choice(children).kill()
        return
    stack.kill(kind)
    stack.start(kind)


@pytest.mark.timeout(1200)
def test_twenty_seeded_kills_of_every_kind_of_process_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    chance = random.Random(20)
    kinds = [*KINDS, *KINDS, *KINDS, "worker child", "worker"]
    chance.shuffle(kinds)
    with running(tmp_path, *PARTS, variables=UNBLAMED) as stack:
        jobs = [stack.ask("numbers", 1500, 10_000 * n) for n in range(4)]
        stack.ask("reach", jobs[0], 1, 240)
        for kind in kinds:
            time.sleep(chance.uniform(0.1, 1.2))
            kill(stack, kind, chance)
        for job in jobs:
            progress = stack.until(job)
            assert progress["state"] == "done", (progress, stack.log("worker")[-3000:])
            assert_all_done_once(stack.ask("audit", job), 1500)


@pytest.mark.timeout(1800)
def test_fifty_kills_of_a_whole_worker_in_mid_load_lose_and_double_nothing(tmp_path: Path) -> None:
    chance = random.Random(50)
    with running(tmp_path, "broker", "engine", "worker", "beat", variables=UNBLAMED) as stack:
        jobs = [stack.ask("numbers", 3000, 10_000 * n) for n in range(5)]
        hit = 0
        for job in jobs:
            done = 0
            while hit < 50 * (jobs.index(job) + 1) // len(jobs):
                done += chance.randrange(1, 250)
                progress = stack.ask("reach", job, done, 240)
                if progress["done"] < done:
                    break
                stack.kill("worker")
                stack.start("worker")
                hit += 1
        for job in jobs:
            progress = stack.until(job)
            assert progress["state"] == "done", (progress, stack.log("worker")[-3000:])
            assert_all_done_once(stack.ask("audit", job), 3000)
        assert hit == 50
