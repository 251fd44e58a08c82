"""Intervals and counts agree with exact binomial sums."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.defect_detection.operating import bounds


def at_most(losses: int, units: int, share: float) -> float:
    """P[Binomial(units, share) ≤ losses], summed term by term."""
    return sum(comb(units, k) * share**k * (1 - share) ** (units - k) for k in range(losses + 1))


@given(st.integers(1, 60), st.data())
def test_interval_ends_are_where_the_tails_are_half_of_what_is_left(
    units: int, data: st.DataObject
) -> None:
    losses = data.draw(st.integers(0, units))
    found = bounds.rate(losses, units)
    assert found.low is not None
    assert found.high is not None
    if losses < units:
        assert at_most(losses, units, found.high) == pytest.approx(0.025, abs=1e-9)
    if losses > 0:
        assert 1 - at_most(losses - 1, units, found.low) == pytest.approx(0.025, abs=1e-9)


def test_no_miss_in_n_shows_a_rate_below_three_in_n() -> None:
    assert bounds.upper(0, 300, 0.05) == pytest.approx(3 / 300, rel=0.01)


def test_without_units_nothing_is_said() -> None:
    assert bounds.rate(0, 0).value is None
    assert bounds.upper(0, 0, 0.05) == 1.0
    assert bounds.most_losses(0, 0.02, 0.05) == -1


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 150), st.floats(0.005, 0.5), st.floats(0.001, 0.2))
def test_the_largest_count_that_passes_the_test_is_found(
    units: int, share: float, delta: float
) -> None:
    most = bounds.most_losses(units, share, delta)
    passes = [k for k in range(units) if at_most(k, units, share) <= delta]
    assert most == (max(passes) if passes else -1)
    if most >= 0:
        assert bounds.upper(most, units, delta) <= share + 1e-9


@pytest.mark.parametrize(("limit", "units"), [(0.01, 299), (0.02, 149), (0.05, 59), (0.001, 2995)])
def test_known_sizes_of_samples_without_a_miss(limit: float, units: int) -> None:
    assert bounds.units_needed(0, 0, limit, 0.05) == units


def test_one_miss_in_a_hundred_needs_more_units_for_the_same_limit() -> None:
    needed = bounds.units_needed(1, 100, 0.03, 0.05)
    assert needed is not None
    assert bounds.most_losses(needed, 0.03, 0.05) >= np.ceil(needed * 0.01)
    assert bounds.most_losses(needed - 1, 0.03, 0.05) < np.ceil((needed - 1) * 0.01)


def test_no_number_of_units_is_enough_where_the_rate_is_not_below_the_limit() -> None:
    assert bounds.units_needed(3, 100, 0.03, 0.05) is None


def test_more_losses_than_units_are_refused() -> None:
    with pytest.raises(ValueError, match="3 losses of 2 units"):
        bounds.rate(3, 2)
