"""The figures of one model on the test: with intervals, over seeds, by band and by history."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training import metrics
from apps.fraud.training.cards import CardDays, card_precisions
from apps.fraud.training.intervals import (
    DRAWS,
    MEASURES,
    Draws,
    Interval,
    intervals,
    mean_interval,
    paired_gains,
)
from apps.fraud.training.metrics import Counts

BANDS = (0, 2_000, 10_000, 50_000, 200_000)
"""Lower ends of the bands of amounts, minor units."""
HISTORIES = ((0, 4), (5, 19), (20, 99), (100, 2**62))
"""Earlier events of the payer, inclusive."""
MANY = 200_000
"""Rows above which a quarter of the draws has to do."""
LEAST = 5
"""Frauds that a slice must have to be measured."""


@dataclass(frozen=True)
class Test:
    """The rows that all models are measured on.

    Attributes:
        label, amount, history: [n].
        cards: rows by day and payer.
        draws: whole payers, the same for all models.
    """

    label: NDArray[np.int64]
    amount: NDArray[np.int64]
    history: NDArray[np.int64]
    cards: CardDays
    draws: Draws
    seed: int

    @classmethod
    def of(
        cls,
        label: NDArray,
        amount: NDArray,
        history: NDArray,
        day: NDArray,
        payer: NDArray,
        seed: int,
    ) -> "Test":
        """Group rows and make the draws."""
        draws = Draws.of(payer, seed, DRAWS if len(label) <= MANY else DRAWS // 4)
        return cls(label, amount, history, CardDays.of(day, payer, label), draws, seed)


def figures(test: Test, scores: NDArray) -> dict[str, Interval]:
    """The four figures of one model, with their intervals."""
    found = intervals(test.label, scores, test.draws, MEASURES)
    found["card_precision"] = mean_interval(card_precisions(test.cards, scores), test.seed)
    return found


def quick(test: Test, scores: NDArray) -> dict[str, float]:
    """The four figures without intervals."""
    counts = Counts.of(test.label, scores)
    found = {key: measure(counts) for key, measure in MEASURES.items()}
    found["card_precision"] = float(card_precisions(test.cards, scores).mean())
    return found


def gains(test: Test, scores: NDArray, other: NDArray) -> dict[str, Interval]:
    """By how much one model is better than another, on the same draws; of cards by day."""
    found = paired_gains(test.label, scores, other, test.draws, MEASURES)
    days = card_precisions(test.cards, scores) - card_precisions(test.cards, other)
    found["card_precision"] = mean_interval(days, test.seed)
    return found


def bands(test: Test, scores: NDArray) -> list[dict[str, float | None]]:
    """Money stopped by band of amounts, at the threshold of the false-positive budget."""
    caught = scores >= metrics.threshold_at_fpr(test.label, scores)
    rows = metrics.value_by_band(test.label, test.amount, caught, BANDS)
    return [_safe(row) for row in rows]


def histories(test: Test, scores: NDArray) -> list[dict[str, Any]]:
    """Average precision, AUC and recall by how long the payer's history is.

    Recall is at the threshold of all rows: slices share one budget.
    """
    threshold = metrics.threshold_at_fpr(test.label, scores)
    rows = []
    for low, high in HISTORIES:
        inside = (test.history >= low) & (test.history <= high)
        label, score = test.label[inside], scores[inside]
        frauds = int((label == 1).sum())
        row: dict[str, Any] = {
            "from": low,
            "to": None if high > 2**60 else high,
            "rows": int(inside.sum()),
            "frauds": frauds,
        }
        if frauds >= LEAST:
            counts = Counts.of(label, score)
            row["average_precision"] = metrics.average_precision(counts)
            row["auc"] = metrics.auc(counts)
            row["recall_at_fpr"] = float((score[label == 1] >= threshold).mean())
        rows.append(_safe(row))
    return rows


def _safe(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in row.items()
    }
