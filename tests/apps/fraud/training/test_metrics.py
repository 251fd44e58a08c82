"""Figures against scikit-learn and against counting by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from apps.fraud.training import metrics
from apps.fraud.training.metrics import Counts


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of both kinds, scores with many ties, and weights."""
    size = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    label = rng.integers(0, 2, size)
    label[0], label[1] = 0, 1
    steps = draw(st.sampled_from([2, 5, 1000]))
    weights = rng.integers(0, 4, size)
    weights[:2] = 1
    return label, rng.integers(0, steps, size) / steps, weights


@given(scored())
@settings(max_examples=150, deadline=None)
def test_average_precision_and_auc_are_those_of_scikit_learn(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    label, score, weights = case
    counts = Counts.of(label, score)
    for weight in (None, weights):
        assert metrics.average_precision(counts, weight) == pytest.approx(
            average_precision_score(label, score, sample_weight=weight), abs=1e-12
        )
        assert metrics.auc(counts, weight) == pytest.approx(
            roc_auc_score(label, score, sample_weight=weight), abs=1e-12
        )


@given(scored(), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
@settings(max_examples=100, deadline=None)
def test_recall_at_a_budget_is_the_last_point_of_the_curve_within_it(
    case: tuple[np.ndarray, np.ndarray, np.ndarray], budget: float
) -> None:
    label, score, _ = case
    false, true, _ = roc_curve(label, score, drop_intermediate=False)
    within = true[false <= budget + 1e-12].max()
    assert metrics.recall_at_fpr(Counts.of(label, score), budget) == pytest.approx(within)


@given(scored())
@settings(max_examples=50, deadline=None)
def test_the_order_of_rows_changes_nothing(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    label, score, _ = case
    turn = np.random.default_rng(0).permutation(len(label))
    one, other = Counts.of(label, score), Counts.of(label[turn], score[turn])
    assert metrics.average_precision(one) == pytest.approx(metrics.average_precision(other))
    assert metrics.recall_at_k(label, score) == pytest.approx(
        metrics.recall_at_k(label[turn], score[turn])
    )


def test_a_threshold_at_the_budget_stops_no_more_than_it_allows() -> None:
    rng = np.random.default_rng(1)
    label = (rng.random(5_000) < 0.05).astype(int)
    score = rng.normal(size=5_000) + label
    limit = metrics.threshold_at_fpr(label, score, 0.01)
    assert (score[label == 0] >= limit).mean() <= 0.01
    recall = metrics.recall_at_fpr(Counts.of(label, score), 0.01)
    assert (score[label == 1] >= limit).mean() == pytest.approx(recall)


def test_recall_at_k_shares_the_last_place_among_equals() -> None:
    # Two places; one certain fraud, then three equals of which one is a fraud.
    label, score = np.array([1, 1, 0, 0]), np.array([0.9, 0.5, 0.5, 0.5])
    assert metrics.recall_at_k(label, score) == pytest.approx((1 + 1 / 3) / 2)


def test_without_frauds_there_is_no_figure() -> None:
    counts = Counts.of(np.zeros(4), np.arange(4.0))
    assert np.isnan(metrics.average_precision(counts))
    assert np.isnan(metrics.auc(counts))
    assert np.isnan(metrics.recall_at_fpr(counts))
    assert np.isnan(metrics.recall_at_k(np.zeros(4), np.arange(4.0)))


def test_about_480_000_honest_rows_certify_the_budget() -> None:
    assert metrics.legitimate_missing(0) == pytest.approx(480_000, rel=0.01)
    assert metrics.legitimate_missing(10**6) == 0


def test_value_by_band_counts_money_that_was_stopped() -> None:
    rows = metrics.value_by_band(
        np.array([1, 1, 0, 1]),
        np.array([500, 5_000, 5_000, 7_000]),
        np.array([True, False, True, True]),
        (0, 1_000, 100_000),
    )
    assert [row["frauds"] for row in rows] == [1, 2, 0]
    assert [row["value_caught"] for row in rows] == [500, 7_000, 0]
    assert rows[1]["share"] == pytest.approx(7 / 12)
    assert np.isnan(rows[2]["share"])
