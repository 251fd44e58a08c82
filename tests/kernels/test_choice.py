"""The choice is a pure function; requests are met or refused; each answer is logged once."""

import logging
import threading
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import VARIABLE, choose, chosen, using
from core_kernels.dispatch.registry import Facts, Implementation, implementations, register
from core_kernels.dispatch.registry import unregister as away
from core_kernels.errors import NoImplementation

CPU = Capabilities(device="cpu", name="a plain CPU")
HALF = Facts(dtype=torch.float16)


def only_floats(facts: Facts, able: Capabilities) -> str | None:
    return None if facts.dtype == torch.float32 else f"it does not take {facts.dtype}"


QUICK = Implementation(
    operation="made_up", name="quick", run=lambda: "quick", rank=10, objection=only_floats
)
PLAIN = Implementation(operation="made_up", name="plain", run=lambda: "plain")
ELSEWHERE = Implementation(
    operation="made_up", name="npu", run=lambda: "npu", rank=90, devices=frozenset({"npu"})
)
ALL = (ELSEWHERE, QUICK, PLAIN)


@pytest.fixture
def registered() -> Iterator[None]:
    for one in ALL:
        register(one)
    yield
    for one in implementations("made_up"):
        away("made_up", one.name)


def test_the_first_without_an_objection_is_chosen() -> None:
    assert choose("made_up", Facts(), CPU, ALL) is QUICK
    assert choose("made_up", HALF, CPU, ALL) is PLAIN
    assert choose("made_up", HALF, Capabilities(device="npu", name="NPU"), ALL) is ELSEWHERE


def test_a_request_is_met_even_where_another_ranks_higher() -> None:
    assert choose("made_up", Facts(), CPU, ALL, "plain") is PLAIN


@pytest.mark.parametrize("asked", ["quick", "npu", "unheard of"])
def test_an_unmet_request_lists_every_choice_with_its_objection(asked: str) -> None:
    with pytest.raises(NoImplementation) as raised:
        choose("made_up", HALF, CPU, ALL, asked)
    assert str(raised.value) == (
        f"Nothing serves the implementation {asked!r} of made_up for torch.float16 on a plain CPU. "
        "There are: npu (it is for npu); quick (it does not take torch.float16); plain."
    )
    assert raised.value.code == "kernel_missing"


def test_kernels_that_would_be_interpreted_are_the_last_choice_and_can_be_asked_for() -> None:
    kernel = Implementation(
        operation="made_up", name="kernel", run=lambda: "kernel", rank=50, triton=True
    )
    interpreted = Capabilities(device="cpu", name="a CPU", triton=True, interpreted=True)
    offered = (kernel, PLAIN)
    assert choose("made_up", HALF, CPU, offered) is kernel
    assert choose("made_up", HALF, interpreted, offered) is PLAIN
    assert choose("made_up", HALF, interpreted, offered, "kernel") is kernel
    assert choose("made_up", HALF, interpreted, (kernel,)) is kernel


def test_an_operation_without_any_says_so() -> None:
    with pytest.raises(NoImplementation, match="There are: none"):
        choose("made_up", Facts(), CPU, ())


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6),
    st.none() | st.integers(0, 6),
)
def test_nothing_that_objects_is_ever_chosen(
    drawn: list[tuple[bool, bool]], wanted: int | None
) -> None:
    offered = [
        Implementation(
            operation="made_up",
            name=str(number),
            run=len,
            devices=frozenset({"cpu" if here else "npu"}),
            objection=lambda facts, able, fine=fine: None if fine else "no",  # type: ignore[misc]
        )
        for number, (here, fine) in enumerate(drawn)
    ]
    able = [str(number) for number, (here, fine) in enumerate(drawn) if here and fine]
    asked = None if wanted is None else str(wanted)
    if (asked is None and able) or asked in able:
        found = choose("made_up", Facts(), CPU, offered, asked)
        assert found.name == (asked or able[0])
    else:
        with pytest.raises(NoImplementation):
            choose("made_up", Facts(), CPU, offered, asked)


@pytest.mark.usefixtures("registered")
def test_each_choice_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="core_kernels.dispatch.choice")
    for _ in range(3):
        assert chosen("made_up", torch.device("cpu"), Facts())() == "quick"
        assert chosen("made_up", torch.device("cpu"), HALF)() == "plain"
    assert [record.getMessage() for record in caplog.records] == [
        "made_up on cpu (torch.float32): quick",
        "made_up on cpu (torch.float16): plain",
    ]


@pytest.mark.usefixtures("registered")
def test_a_request_holds_in_every_thread_until_its_block_ends() -> None:
    seen: list[str] = []
    with using(made_up="plain"):
        thread = threading.Thread(
            target=lambda: seen.append(chosen("made_up", torch.device("cpu"), Facts())())
        )
        thread.start()
        thread.join()
        with using(made_up="quick"):
            seen.append(chosen("made_up", torch.device("cpu"), Facts())())
        seen.append(chosen("made_up", torch.device("cpu"), Facts())())
    seen.append(chosen("made_up", torch.device("cpu"), Facts())())
    assert seen == ["plain", "quick", "plain", "quick"]


@pytest.mark.usefixtures("registered")
def test_the_environment_asks_too_and_code_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "other=x, made_up = plain")
    assert chosen("made_up", torch.device("cpu"), Facts())() == "plain"
    with using(made_up="quick"):
        assert chosen("made_up", torch.device("cpu"), Facts())() == "quick"
        with pytest.raises(NoImplementation):
            chosen("made_up", torch.device("cpu"), HALF)


@pytest.mark.usefixtures("registered")
def test_one_that_comes_later_is_seen_at_once() -> None:
    assert chosen("made_up", torch.device("cpu"), Facts())() == "quick"
    register(Implementation(operation="made_up", name="best", run=lambda: "best", rank=99))
    assert chosen("made_up", torch.device("cpu"), Facts())() == "best"
    away("made_up", "best")
    assert chosen("made_up", torch.device("cpu"), Facts())() == "quick"
