"""Intervals of figures by the bootstrap over cards, and paired gains between two models.

Transactions of one card are not independent, so whole cards are drawn with replacement; for card
precision days are drawn. Both models of a pair see the same draws (Efron and Tibshirani, 1993).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training import metrics
from apps.fraud.training.metrics import Counts, Drawn

DRAWS = 400
LOW, HIGH = 2.5, 97.5


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; NaN where there is nothing to tell from."""

    value: float
    low: float
    high: float

    def told(self) -> dict[str, float | None]:
        """JSON-safe."""
        return {name: None if np.isnan(got) else got for name, got in vars(self).items()}


Measure = Callable[[Counts | Drawn], float]
MEASURES: Mapping[str, Measure] = {
    "recall_at_fpr": metrics.recall_at_fpr,
    "average_precision": metrics.average_precision,
    "auc": metrics.auc,
}
"""The figures that rest on rows, by their keys."""


@dataclass(frozen=True)
class Draws:
    """How often each row is drawn when whole units are: made anew, and equal, at each walk.

    Attributes:
        unit: [n] the number of each row's unit, from 0.
        seed: of the draws.
        count: how many draws.
    """

    unit: NDArray[np.int64]
    seed: int
    count: int = DRAWS

    @classmethod
    def of(cls, units: NDArray, seed: int, count: int = DRAWS) -> "Draws":
        """From what tells units apart, of any type that can be compared."""
        return cls(np.unique(np.asarray(units), return_inverse=True)[1], seed, count)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """[n] counts, `count` times."""
        kinds = int(self.unit.max()) + 1 if len(self.unit) else 0
        rng = np.random.default_rng(self.seed)
        for _ in range(self.count):
            yield np.bincount(rng.integers(0, kinds, kinds), minlength=kinds)[self.unit]


def intervals(
    labels: NDArray, scores: NDArray, weights: Draws, measures: Mapping[str, Measure]
) -> dict[str, Interval]:
    """Figures of one model with their intervals over the draws `weights`."""
    counts = Counts.of(labels, scores)
    found: dict[str, list[float]] = {key: [] for key in measures}
    for each in weights:
        drawn = counts.drawn(each)
        for key, measure in measures.items():
            found[key].append(measure(drawn))
    return {key: _summed(measure(counts), found[key]) for key, measure in measures.items()}


def paired_gains(
    labels: NDArray, scores: NDArray, other: NDArray, weights: Draws,
    measures: Mapping[str, Measure],
) -> dict[str, Interval]:  # fmt: skip
    """By how much `scores` measure better than `other` on the same draws."""
    mine, theirs = Counts.of(labels, scores), Counts.of(labels, other)
    gains: dict[str, list[float]] = {key: [] for key in measures}
    for each in weights:
        ours, others = mine.drawn(each), theirs.drawn(each)
        for key, measure in measures.items():
            gains[key].append(measure(ours) - measure(others))
    return {
        key: _summed(measure(mine) - measure(theirs), gains[key])
        for key, measure in measures.items()
    }


def paired_gain(
    labels: NDArray, scores: NDArray, other: NDArray, weights: Draws, measure: Measure
) -> Interval:
    """The same of one figure."""
    return paired_gains(labels, scores, other, weights, {"": measure})[""]


def mean_interval(values: NDArray, seed: int, count: int = DRAWS) -> Interval:
    """The mean of independent values (days, seeds) with its interval."""
    values = np.asarray(values, np.float64)
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    drawn = values[rng.integers(0, len(values), (count, len(values)))].mean(1)
    return _summed(float(values.mean()), drawn.tolist())


def _summed(value: float, drawn: list[float]) -> Interval:
    kept = np.array([one for one in drawn if not np.isnan(one)])
    if np.isnan(value) or not len(kept):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(kept, [LOW, HIGH])
    return Interval(value, float(low), float(high))
