"""How well scores find fraud, at the points where fraud is worked.

AUC says nothing at a false-positive rate of 0.02 %, so it comes last. All functions take
`labels` [n] (1 fraud, 0 honest) and `scores` [n], larger is worse; rows of equal scores are never
told apart by their order.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BUDGET: Final = 2e-4
"""The false-positive rate that automatic action may have."""
CARDS: Final = 100
"""Cards that analysts can look at in a day."""


@dataclass(frozen=True)
class Counts:
    """Frauds and honest rows at or above each different score, from the highest score down.

    A row may count several times (`weights`), as a bootstrap draws it. Made once, then resampled:
    `order` and `ends` do not depend on the weights.
    """

    order: Integers
    ends: Integers
    labels: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: NDArray, scores: NDArray) -> "Counts":
        """Sort once."""
        order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
        descending = np.asarray(scores, np.float64)[order]
        ends = np.flatnonzero(np.append(np.diff(descending) != 0, True))
        return cls(order, ends, np.asarray(labels)[order] == 1)

    def at(self, weights: NDArray | None = None) -> tuple[Floats, Floats]:
        """Frauds and honest rows at or above each different score."""
        drawn = np.ones(len(self.labels)) if weights is None else np.asarray(weights, np.float64)
        drawn = drawn[self.order]
        total: Floats = np.cumsum(drawn)[self.ends]
        frauds: Floats = np.cumsum(drawn * self.labels)[self.ends]
        return frauds, total - frauds

    def drawn(self, weights: NDArray) -> "Drawn":
        """The same of one draw, for several figures of it."""
        return Drawn(*self.at(weights))


@dataclass(frozen=True)
class Drawn:
    """Frauds and honest rows at or above each different score, in one draw of the rows."""

    frauds: Floats
    honest: Floats

    def at(self, weights: NDArray | None = None) -> tuple[Floats, Floats]:
        """Both; a draw is not drawn from again."""
        if weights is not None:
            raise ValueError("The rows of a draw have been weighted already.")
        return self.frauds, self.honest


def average_precision(counts: Counts | Drawn, weights: NDArray | None = None) -> float:
    """Σ (recallᵢ − recallᵢ₋₁) · precisionᵢ over the different scores; NaN without any fraud."""
    frauds, honest = counts.at(weights)
    if not len(frauds) or frauds[-1] <= 0:
        return float("nan")
    precision = frauds / np.maximum(frauds + honest, 1e-300)
    return float(np.sum(np.diff(frauds, prepend=0.0) * precision) / frauds[-1])


def auc(counts: Counts | Drawn, weights: NDArray | None = None) -> float:
    """The chance that a fraud scores above an honest row, ties half; NaN without one of both."""
    frauds, honest = counts.at(weights)
    if not len(frauds) or frauds[-1] <= 0 or honest[-1] <= 0:
        return float("nan")
    widths = np.diff(honest, prepend=0.0)
    heights = frauds - np.diff(frauds, prepend=0.0) / 2
    return float(np.sum(widths * heights) / (frauds[-1] * honest[-1]))


def recall_at_fpr(
    counts: Counts | Drawn, budget: float = BUDGET, weights: NDArray | None = None
) -> float:
    """The share of frauds above the lowest score whose false-positive rate is within `budget`.

    No line is drawn between two scores: a threshold stops all rows of its score or none.
    """
    frauds, honest = counts.at(weights)
    if not len(frauds) or frauds[-1] <= 0 or honest[-1] <= 0:
        return float("nan")
    within = np.flatnonzero(honest <= budget * honest[-1] + 1e-9)
    return float(frauds[within[-1]] / frauds[-1]) if len(within) else 0.0


def recall_at_k(labels: NDArray, scores: NDArray, k: int | None = None) -> float:
    """The share of frauds among the `k` highest scores, k the number of frauds by default.

    Of rows with the score of the last place each counts by its chance to get in, so the order in
    the file does not matter. NaN without any fraud.
    """
    frauds, honest = Counts.of(labels, scores).at()
    total = frauds[-1] if len(frauds) else 0.0
    if total <= 0:
        return float("nan")
    places = float(total if k is None else k)
    seen = frauds + honest
    before_all, before = np.append(0.0, seen[:-1]), np.append(0.0, frauds[:-1])
    share = np.clip((places - before_all) / np.maximum(seen - before_all, 1e-300), 0.0, 1.0)
    return float(np.sum((frauds - before) * share) / total)


def legitimate_missing(honest: int, budget: float = BUDGET, within: float = 0.2) -> int:
    """Honest rows missing to tell `budget` to ± `within` (relative, 95 %).

    1.96² · (1 − budget) / (within² · budget) are needed.
    """
    return max(0, int(np.ceil(1.96**2 * (1 - budget) / (within**2 * budget))) - honest)


def value_by_band(
    labels: NDArray, amounts: NDArray, caught: NDArray, bands: tuple[int, ...]
) -> list[dict[str, float]]:
    """Frauds and their money by band of amounts.

    Args:
        labels, amounts: [n]; amounts in minor units.
        caught: [n] bool, stopped at a threshold.
        bands: lower ends in minor units, ascending.

    Returns:
        one row a band: from, frauds, caught, value, value_caught, share (of value caught; NaN
        where there is none).
    """
    fraud = np.asarray(labels) == 1
    where = np.searchsorted(np.asarray(bands), np.asarray(amounts), side="right") - 1
    rows = []
    for index, start in enumerate(bands):
        mine = fraud & (where == index)
        value, stopped = float(amounts[mine].sum()), float(amounts[mine & caught].sum())
        rows.append(
            {
                "from": float(start),
                "frauds": float(mine.sum()),
                "caught": float((mine & caught).sum()),
                "value": value,
                "value_caught": stopped,
                "share": stopped / value if value > 0 else float("nan"),
            }
        )
    return rows


def threshold_at_fpr(labels: NDArray, scores: NDArray, budget: float = BUDGET) -> float:
    """The lowest score whose false-positive rate is within `budget`; infinite where none is."""
    counts = Counts.of(labels, scores)
    _, honest = counts.at()
    if not len(honest):
        return float("inf")
    within = np.flatnonzero(honest <= budget * honest[-1] + 1e-9)
    if not len(within):
        return float("inf")
    return float(np.asarray(scores, np.float64)[counts.order[counts.ends[within[-1]]]])
