"""Batches come out in order with their own answers, however many are under way."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused
from core_kernels.transfer.pipeline import Pipeline
from core_kernels.transfer.pools import MemoryPool


def doubled(given: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"twice": given["x"] * 2, "count": given["x"].sum(1).to(torch.int32)}


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_answers_come_in_order_and_are_the_batches_own(device: torch.device, slots: int) -> None:
    pipeline = Pipeline(doubled, device, slots=slots)
    batches = [{"x": torch.full((3, 5), float(index))} for index in range(20)]
    for index, answer in enumerate(pipeline.run(batches)):
        assert answer["twice"].device.type == "cpu"
        assert torch.equal(answer["twice"], torch.full((3, 5), 2.0 * index))
        assert torch.equal(answer["count"], torch.full((3,), 5 * index, dtype=torch.int32))
    assert index == 19


def test_as_many_batches_are_under_way_as_there_are_slots(device: torch.device) -> None:
    asked = 0

    def endless() -> Iterator[dict[str, Tensor]]:
        nonlocal asked
        while True:
            asked += 1
            yield {"x": torch.ones(1, 1)}

    answers = Pipeline(doubled, device, slots=3).run(endless())
    next(answers)
    assert asked == 3
    next(answers)
    assert asked == 4
    answers.close()  # type: ignore[attr-defined]


def test_host_memory_goes_round_and_all_of_it_comes_back(device: torch.device) -> None:
    pool = MemoryPool(64 * 4096, pinned=True)
    pipeline = Pipeline(doubled, device, slots=2, host=pool)
    for _ in pipeline.run({"x": torch.ones(2, 2)} for _ in range(50)):
        assert pool.usage()["in_use"] <= 2 * 3 * 4096
    assert pool.usage()["in_use"] == 0


def test_a_computation_that_fails_is_told_and_gives_its_memory_back(device: torch.device) -> None:
    def failing(given: dict[str, Tensor]) -> dict[str, Tensor]:
        if float(given["x"].max()) > 1:
            raise ZeroDivisionError("too large")
        return doubled(given)

    pool = MemoryPool(64 * 4096, pinned=True)
    pipeline = Pipeline(failing, device, slots=2, host=pool)
    answers = pipeline.run([{"x": torch.ones(1, 1)}, {"x": torch.ones(1, 1)},
                            {"x": torch.full((1, 1), 9.0)}])  # fmt: skip
    assert float(next(answers)["twice"]) == 2
    with pytest.raises(ZeroDivisionError, match="too large"):
        list(answers)
    assert pool.usage()["in_use"] == 0


def test_no_slot_is_refused() -> None:
    with pytest.raises(ArgumentRefused, match="at least 1"):
        Pipeline(doubled, "cpu", slots=0)
