"""Implementations are added and taken away at run time, and keep their order."""

from collections.abc import Iterator

import pytest
import torch

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.registry import (
    Facts,
    Implementation,
    implementations,
    needs_triton,
    register,
    unregister,
)
from core_kernels.errors import ArgumentRefused

CPU = Capabilities(device="cpu", name="cpu")


def made(name: str, rank: int = 0, **more: object) -> Implementation:
    return Implementation(operation="made_up", name=name, run=len, rank=rank, **more)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    for one in implementations("made_up"):
        unregister("made_up", one.name)


def test_the_highest_rank_comes_first_and_equals_keep_their_order() -> None:
    for one in (made("plain"), made("quick", 10), made("other"), made("quicker", 20)):
        register(one)
    assert [one.name for one in implementations("made_up")] == [
        "quicker", "quick", "plain", "other",
    ]  # fmt: skip


def test_a_name_is_taken_only_once() -> None:
    register(made("plain"))
    register(made("plain"))
    with pytest.raises(ArgumentRefused, match="'plain' already; choose another name"):
        register(made("plain", 5))
    assert len(implementations("made_up")) == 1


def test_one_that_was_taken_away_is_gone() -> None:
    register(made("plain"))
    unregister("made_up", "plain")
    unregister("made_up", "never there")
    assert implementations("made_up") == ()


def test_an_implementation_for_other_devices_says_which() -> None:
    one = made("there", devices=frozenset({"npu", "cuda"}))
    assert one.why_not(Facts(), CPU) == "it is for cuda, npu"
    assert one.why_not(Facts(), Capabilities(device="npu", name="NPU")) is None


def test_a_triton_kernel_objects_where_triton_does_not_run() -> None:
    assert needs_triton(Facts(), CPU) == "Triton does not run on cpu"
    assert needs_triton(Facts(), Capabilities(device="cuda", name="H100", triton=True)) is None


def test_a_function_named_by_its_path_is_imported_when_it_is_asked_for() -> None:
    named = Implementation(operation="made_up", name="far", run="torch.nn.functional:relu")
    assert named.function() is torch.nn.functional.relu
    absent = Implementation(operation="made_up", name="gone", run="no_such_module_here:run")
    register(absent)
    with pytest.raises(ModuleNotFoundError):
        absent.function()
