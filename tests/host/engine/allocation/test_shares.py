"""Under load each model gets its share of the time, on a simulated clock."""

import heapq
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loupe.engine.allocation.shares import Shares, Turn


def simulated(
    shares: dict[str, float], cost_s: dict[str, float], *, servers: int = 1, seconds: float = 60.0
) -> dict[str, float]:
    """Parts of the time that models got whose work never ends; costs vary by half around theirs."""
    draw = random.Random(7)
    ledger = Shares(shares.__getitem__)
    ends: list[tuple[float, int, Turn, float]] = []
    now, number = 0.0, 0
    while now < seconds:
        while len(ends) < servers:
            model = ledger.next(shares)
            taken = cost_s[model] * draw.uniform(0.5, 1.5)
            number += 1
            heapq.heappush(ends, (now + taken, number, ledger.begin(model), taken))
        now, _, turn, taken = heapq.heappop(ends)
        ledger.end(turn, taken)
    return ledger.observed()


@pytest.mark.parametrize("servers", [1, 2, 8])
@pytest.mark.parametrize(
    "shares",
    [{"a": 1, "b": 1}, {"a": 3, "b": 1}, {"a": 10, "b": 3, "c": 1}, {"a": 0.5, "b": 0.25}],
)
def test_observed_shares_are_within_5_percent_of_the_declared(
    servers: int, shares: dict[str, float]
) -> None:
    """Calls of one model take twenty times as long as those of another."""
    cost_s = dict(zip(shares, (0.1, 0.005, 0.02), strict=False))
    observed = simulated(shares, cost_s, servers=servers)
    for model, share in shares.items():
        assert observed[model] == pytest.approx(share / sum(shares.values()), rel=0.05)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0.2, 5), st.floats(0.005, 0.05)), min_size=2, max_size=5))
def test_shares_hold_for_any_weights_and_costs(models: list[tuple[float, float]]) -> None:
    shares = {str(index): weight for index, (weight, _) in enumerate(models)}
    cost_s = {str(index): cost for index, (_, cost) in enumerate(models)}
    observed = simulated(shares, cost_s, seconds=60.0)
    for model, share in shares.items():
        assert observed[model] == pytest.approx(share / sum(shares.values()), rel=0.05)


def test_the_same_requests_get_the_same_order() -> None:
    def order() -> list[str]:
        ledger = Shares({"a": 2.0, "b": 1.0, "c": 1.0}.__getitem__)
        found = []
        for _ in range(40):
            model = ledger.next(["c", "b", "a"])
            found.append(model)
            ledger.end(ledger.begin(model), 0.01)
        return found

    assert order() == order()
    assert order()[:4].count("a") == 2


def test_a_model_that_paused_is_owed_nothing_for_the_pause() -> None:
    ledger = Shares(lambda model: 1.0)
    for _ in range(100):
        assert ledger.next(["busy"]) == "busy"
        ledger.end(ledger.begin("busy"), 0.01)
    turns = []
    for _ in range(20):
        model = ledger.next(["busy", "back"])
        turns.append(model)
        ledger.end(ledger.begin(model), 0.01)
    assert 9 <= turns.count("back") <= 11


def test_a_model_alone_gets_everything() -> None:
    ledger = Shares({"small": 0.01, "large": 99.0}.__getitem__)
    for _ in range(10):
        assert ledger.next(["small"]) == "small"
        ledger.end(ledger.begin("small"), 1.0)
    assert ledger.observed() == {"small": 1.0}


def test_other_threads_choose_by_what_a_call_under_way_should_take() -> None:
    ledger = Shares(lambda model: 1.0)
    ledger.next(["a", "b"])
    ledger.end(ledger.begin("a"), 1.0)
    ledger.end(ledger.begin("b"), 1.0)
    chosen = []
    for _ in range(2):
        model = ledger.next(["a", "b"])
        chosen.append(model)
        ledger.begin(model)  # none of them has ended
    assert sorted(chosen) == ["a", "b"]
