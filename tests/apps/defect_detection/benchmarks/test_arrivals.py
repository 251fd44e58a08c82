"""What is told of requests that arrive by chance."""

import asyncio
from collections.abc import Mapping

import pytest

from apps.defect_detection.benchmarks.arrivals import Answered, Step, arrive
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.lanes import Lane


def test_the_slowest_are_told_by_stage_and_what_no_stage_names_is_outside() -> None:
    quick = [
        Answered(lane=Lane.LINE, wall_ms=5, stages_ms={"queue": 1, "infer": 2}) for _ in range(198)
    ]
    slow = [Answered(lane=Lane.LINE, wall_ms=ms, stages_ms={"queue": ms - 4}) for ms in (90, 110)]
    step = Step(rate=1, answers=[*quick, *slow])
    assert step.slowest() == pytest.approx({"queue": 96, "outside": 4})
    assert step.added(50) == 3


def test_a_side_that_tells_no_stages_has_no_slowest_ones() -> None:
    assert Step(rate=1, answers=[Answered(lane=Lane.LINE, wall_ms=5)]).slowest() == {}


def test_a_refused_request_counts_as_a_failure_and_holds_nothing_up() -> None:
    async def call(number: int, lane: Lane) -> Mapping[str, float]:
        if number % 2:
            raise TemporarilyUnavailable("The lane is full.", code="queue_full")
        return {"infer": 1.0}

    step = asyncio.run(arrive(call, rate=400, seconds=0.2, clients=4))
    asked = len(step.answers)
    assert asked > 10
    assert step.failures == asked // 2
    assert not step.sustained(1e6)
