"""Promises for work that takes minutes: progress, cancel, and going on where a kill stopped it."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.host.jobs.stack import Stack, running

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(1200)]

CHUNKS = 75  # of 4 MiB: one item of 300 MiB
SIZE = CHUNKS * 4 * 2**20
SECONDS_PER_CHUNK = "0.15"
PASSWORD = "of-the-line-3"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """An attendant and a beat; each chunk of a volume takes a while."""
    # A lease that no pause of a busy machine outlasts; it is renewed every two seconds.
    variables = {
        "HEAVY_PROBE_SECONDS_PER_CHUNK": SECONDS_PER_CHUNK,
        "LOUPE_LEASE_SECONDS": "9",
    }
    with running(tmp_path, "broker", "worker", "beat", "attendant", variables=variables) as made:
        yield made


def child(stack: Stack) -> psutil.Process:
    """The process that works on the item."""
    (found,) = stack.children("attendant")
    return found


def test_300_megabytes_survive_kills_of_the_child_and_of_the_attendant_resume_and_are_signed(
    stack: Stack,
) -> None:
    job = stack.ask("volume", CHUNKS)
    assert stack.ask("advance", job, 0.05, 240) >= 0.05
    before = stack.ask("told", job)
    assert stack.ask("advance", job, 0.45, 240) >= 0.45
    after = stack.ask("told", job)
    assert before["progress"] < after["progress"] < 1
    assert after["note"].endswith(f" of {SIZE} bytes")
    assert before["lease"] < after["lease"]
    child(stack).kill()
    assert stack.ask("advance", job, 0.6, 240) >= 0.6
    stack.kill("attendant")
    stack.start("attendant")
    progress = stack.until(job)
    assert (progress["state"], progress["done"]) == ("done", 1)
    result = stack.ask("result", job)
    assert result["data"]["resumed_at"] > 0
    assert result["data"]["size"] == SIZE >= 300_000_000
    assert list(result["times_ms"]) == ["queue", "digest", "decide", "store"]
    assert stack.ask("audit", job)["results"] == 1
    # Two kills and no more: while it was worked on, its lease never ran out.
    (item,) = stack.ask("items", job)
    assert (item["state"], item["losses"]) == ("done", 2)
    anna = stack.ask("reviewer", PASSWORD)
    assert stack.ask("sign", job, anna, "a guess") == {"refused": "password_refused"}
    assert stack.ask("sign", job, anna, PASSWORD) == {"signed": "Anna", "holds": True}
    assert stack.ask("sign", job, anna, PASSWORD) == {"refused": "result_signed"}


def test_cancel_stops_the_child_and_leaves_no_scratch(stack: Stack) -> None:
    job = stack.ask("volume", CHUNKS)
    stack.ask("advance", job, 0.02, 240)
    at_work = child(stack)
    stack.ask("cancel", job)
    psutil.wait_procs([at_work], timeout=90)
    assert not at_work.is_running()
    until = time.monotonic() + 90
    while left := list((stack.var / "scratch" / "items").glob("*")):
        assert time.monotonic() < until, left
        time.sleep(0.1)


def test_an_attendant_that_is_stopped_hands_its_item_back_unblamed(stack: Stack) -> None:
    job = stack.ask("volume", CHUNKS)
    stack.ask("advance", job, 0.02, 240)
    stack.processes["attendant"].terminate()
    stack.processes.pop("attendant").wait(timeout=90)
    assert stack.ask("items", job) == [{"state": "queued", "attempts": 0, "losses": 0}]
