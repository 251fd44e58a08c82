"""Bootstrap intervals: they cover, they are paired, and they draw whole payers."""

import numpy as np
import pytest

from apps.fraud.training.intervals import (
    LOW,
    MEASURES,
    Draws,
    intervals,
    mean_interval,
    paired_gain,
    paired_gains,
)
from apps.fraud.training.metrics import Counts

KEY = "average_precision"
AP = MEASURES[KEY]


def case(rows: int = 2_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = (rng.random(rows) < 0.1).astype(int)
    return label, rng.normal(size=rows) + label, rng.integers(0, rows // 4, rows)


def test_the_value_lies_within_its_interval() -> None:
    label, score, payer = case()
    told = intervals(label, score, Draws.of(payer, 0, 100), MEASURES)[KEY]
    assert told.low < told.value < told.high


def test_rows_of_one_payer_are_drawn_together() -> None:
    units = np.array(["b", "a", "b", "a", "c"])
    for weights in Draws.of(units, 3, 20):
        assert weights[0] == weights[2]
        assert weights[1] == weights[3]
        assert weights[0] + weights[1] + weights[4] == 3


def test_draws_are_the_same_at_each_walk_and_differ_by_seed() -> None:
    draws = Draws.of(np.arange(50), 7, 3)
    first, second = list(draws), list(draws)
    assert all((one == other).all() for one, other in zip(first, second, strict=True))
    other = next(iter(Draws.of(np.arange(50), 8, 3)))
    assert (first[0] != other).any()


def test_a_model_gains_nothing_over_itself_or_over_the_same_order() -> None:
    label, score, payer = case()
    told = paired_gain(label, score, np.exp(score), Draws.of(payer, 0, 50), AP)
    assert (told.value, told.low, told.high) == (0.0, 0.0, 0.0)


def test_a_paired_gain_is_narrower_than_two_intervals() -> None:
    label, score, payer = case()
    worse = score + np.random.default_rng(9).normal(size=len(score)) * 1.5
    draws = Draws.of(payer, 0, 100)
    gain = paired_gain(label, score, worse, draws, AP)
    alone = intervals(label, score, draws, {KEY: AP})[KEY]
    assert gain.low > 0
    assert gain.high - gain.low < alone.high - alone.low


@pytest.mark.parametrize("key", sorted(MEASURES))
def test_a_figure_is_told_the_same_alone_and_beside_others(key: str) -> None:
    label, score, payer = case()
    draws = Draws.of(payer, 0, 40)
    together = intervals(label, score, draws, MEASURES)[key]
    counts = Counts.of(label, score)
    values = [MEASURES[key](counts.drawn(weights)) for weights in draws]
    assert together.value == MEASURES[key](counts)
    assert together.low == np.percentile(values, LOW)
    worse = score + np.random.default_rng(9).normal(size=len(score))
    gains = paired_gains(label, score, worse, draws, MEASURES)
    assert gains[key] == paired_gain(label, score, worse, draws, MEASURES[key])


def test_the_interval_of_a_mean_is_about_two_standard_errors() -> None:
    values = np.random.default_rng(0).normal(size=400)
    told = mean_interval(values, 0)
    assert told.high - told.low == pytest.approx(4 * values.std() / 20, rel=0.15)
    assert told.value == pytest.approx(values.mean())
