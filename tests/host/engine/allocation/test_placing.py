"""Where models go and who leaves: decisions without a clock, a thread or a device."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loupe.engine.allocation.placing import Held, leaving, places
from loupe.engine.allocation.policy import Policy, Rule

POLICY = Policy(
    memory_bytes={"cuda:0": 100, "cuda:1": 100, "cpu": 50},
    fallback=("cuda:0", "cuda:1", "cpu"),
    rules=(Rule(match="*.small", devices=("cpu", "cuda:1")),),
)


def test_a_model_goes_to_the_first_device_that_lives_and_can_run_it() -> None:
    assert places(POLICY, "a.b.c", {"cuda", "cpu"}, ()) == ("cuda:0", "cuda:1", "cpu")
    assert places(POLICY, "a.b.c", {"cuda", "cpu"}, {"cuda:0"}) == ("cuda:1", "cpu")
    assert places(POLICY, "a.b.c", {"cpu"}, ()) == ("cpu",)
    assert places(POLICY, "a.b.small", {"cuda", "cpu"}, ()) == ("cpu", "cuda:1")
    assert places(POLICY, "a.b.c", {"npu"}, ()) == ()


def held(key: str, nbytes: int, last_used: float, stays: bool = False) -> Held:
    return Held(key=key, nbytes=nbytes, last_used=last_used, stays=stays)


def test_the_least_recently_used_leave_until_there_is_room() -> None:
    models = [held("a", 40, 3), held("b", 30, 1), held("c", 20, 2)]
    assert [one.key for one in leaving(models, 30, 100)] == ["b"]
    assert [one.key for one in leaving(models, 60, 100)] == ["b", "c"]
    assert [one.key for one in leaving(models, 10, 100)] == []


def test_what_is_pinned_or_in_use_stays_even_if_it_does_not_fit() -> None:
    models = [held("pinned", 90, 1, stays=True), held("b", 5, 2)]
    assert [one.key for one in leaving(models, 50, 100)] == ["b"]


def test_without_a_budget_nobody_leaves() -> None:
    assert leaving([held("a", 10**12, 1)], 10**12, None) == ()


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 9), st.booleans()), max_size=12),
    st.integers(0, 80),
    st.integers(1, 120),
)
def test_nobody_leaves_in_vain_and_room_is_made_where_there_can_be(
    models: list[tuple[int, float, bool]], wanted: int, budget: int
) -> None:
    all_held = [held(str(i), *about) for i, about in enumerate(models)]
    going = leaving(all_held, wanted, budget)
    assert not any(one.stays for one in going)
    left = [one for one in all_held if one not in going]
    total = sum(one.nbytes for one in left) + wanted
    assert total <= budget or all(one.stays for one in left)
    if going:  # the last one to go was needed
        assert total + going[-1].nbytes > budget


@pytest.mark.parametrize("model", ["defects.shared.surfaces", "defects.line1.v2"])
def test_the_first_rule_that_fits_holds(model: str) -> None:
    policy = Policy(rules=(Rule(match="defects.shared.*", share=5), Rule(match="*", share=2)))
    assert policy.rule(model).share == (5 if "shared" in model else 2)
