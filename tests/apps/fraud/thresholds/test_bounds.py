"""Intervals are Clopper and Pearson's; what is needed is what is enough, and one less is not."""

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from apps.fraud.thresholds import bounds


@pytest.mark.parametrize(("hits", "rows"), [(0, 1), (0, 14_977), (3, 9_000), (40, 58_264), (7, 7)])
def test_intervals_are_those_of_an_independent_implementation(hits: int, rows: int) -> None:
    found = bounds.rate(hits, rows, 0.95)
    expected = binomtest(hits, rows).proportion_ci(0.95, method="exact")
    assert found.low == pytest.approx(expected.low, rel=1e-9, abs=1e-15)
    assert found.high == pytest.approx(expected.high, rel=1e-9)
    assert bounds.rate(0, 0).value is None
    with pytest.raises(ValueError, match="0 ≤ hits"):
        bounds.rate(2, 1)


@pytest.mark.parametrize("rows", [0, 100, 14_976, 14_977, 50_000, 480_000])
def test_the_most_hits_certify_and_one_more_does_not(rows: int) -> None:
    most = bounds.most_hits(rows, 2e-4, 0.05)
    if most < 0:
        assert rows == 0 or binom.cdf(0, rows, 2e-4) > 0.05
    else:
        assert binom.cdf(most, rows, 2e-4) <= 0.05
        assert binom.cdf(most + 1, rows, 2e-4) > 0.05


def test_none_of_14977_rows_certify_the_budget_and_480000_measure_it() -> None:
    assert bounds.rows_needed(0.0, 2e-4, 0.05) == math.ceil(math.log(0.05) / math.log(1 - 2e-4))
    assert bounds.rows_needed(0.0, 2e-4, 0.05) == 14_978
    assert bounds.rows_to_measure(2e-4, 0.2) == pytest.approx(480_000, rel=0.001)
    assert bounds.rows_needed(2e-4, 2e-4, 0.05) is None


def test_days_that_vary_by_chance_have_a_spread_of_one() -> None:
    chance = np.random.default_rng(0)
    assert bounds.spread(chance.poisson(30, 5_000)) == pytest.approx(1.0, abs=0.1)
    assert bounds.spread(chance.poisson(chance.choice([5, 55], 5_000))) > 10
    assert bounds.spread(np.array([3])) == 1.0
