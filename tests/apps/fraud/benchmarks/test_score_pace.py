"""Batches are timed from when they were due, whether or not the path keeps up."""

import time
from itertools import repeat

import pytest

from apps.fraud.benchmarks.score_pace import arriving, sustained

STOOD_STILL_S = 0.2


class Halting:
    """A path that stands still at its first batch."""

    def __init__(self) -> None:
        self.sent = 0

    def __call__(self, _body: bytes) -> None:
        self.sent += 1
        if self.sent == 1:
            time.sleep(STOOD_STILL_S)


def test_batches_that_were_due_while_the_path_stood_still_have_waited_for_it() -> None:
    path = Halting()
    told = arriving(path, repeat(b""), rows=10, rate=1_000, seconds=0.1, callers=1)
    assert told.batches == path.sent > 5
    # All of them were due in the first half of the time for which it stood still.
    assert told.p50_ms >= STOOD_STILL_S * 1e3 / 2 - 20


def test_batches_that_are_sent_when_there_is_room_wait_for_nobody() -> None:
    path = Halting()
    told = sustained(path, iter([b""] * 9), rows=10, seconds=60, callers=1)
    assert told.batches == 9
    assert told.worst_ms >= STOOD_STILL_S * 1e3 > told.p50_ms


def test_a_rate_without_batches_enough_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="More batches are due than were made"):
        arriving(lambda _: None, iter([b""] * 3), rows=10, rate=1_000, seconds=60)
