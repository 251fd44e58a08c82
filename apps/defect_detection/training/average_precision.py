"""Average precision as the field reports it: mAP at IoU 0.5 and over 0.5, 0.55 … 0.95.

The definition is Ultralytics' own (greedy matching in order of score, precision envelope read at
101 recalls, area by trapezoids), so figures compare with its `val` digit by digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
THRESHOLDS = np.linspace(0.5, 0.95, 10).astype(np.float32)
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, kw_only=True)
class Precision:
    """`per_class` [classes, 10]: by class and threshold; NaN for a class without true boxes."""

    per_class: NDArray[np.float64]

    @property
    def map50(self) -> float:
        """Mean over the classes with true boxes at IoU 0.5; 0 when there are none."""
        return self._mean(self.per_class[:, :1])

    @property
    def map50_95(self) -> float:
        """Mean over classes and the ten thresholds; 0 when no class has true boxes."""
        return self._mean(self.per_class)

    @staticmethod
    def _mean(values: NDArray[np.float64]) -> float:
        return 0.0 if np.isnan(values).all() else float(np.nanmean(values))


def measure(found: Sequence[Floats], truth: Sequence[Floats], classes: int) -> Precision:
    """Average precision over pictures.

    Args:
        found: per picture [N, 6] x1, y1, x2, y2, score, class, highest score first.
        truth: per picture [M, 5] x1, y1, x2, y2, class.
        classes: how many classes there are.
    """
    hits = [match(boxes, true) for boxes, true in zip(found, truth, strict=True)]
    scored = np.concatenate([boxes[:, 4:6] for boxes in found] or [np.empty((0, 2), np.float32)])
    correct = np.concatenate(hits or [np.empty((0, len(THRESHOLDS)), bool)])
    order = np.argsort(-scored[:, 0])
    correct, scored = correct[order], scored[order]
    labels = np.concatenate([true[:, 4] for true in truth] or [np.empty(0, np.float32)])
    per_class = np.full((classes, len(THRESHOLDS)), np.nan)
    for index in range(classes):
        count = int((labels == index).sum())
        if count:
            per_class[index] = from_hits(correct[scored[:, 1] == index], count)
    return Precision(per_class=per_class)


def match(found: Floats, truth: Floats) -> NDArray[np.bool_]:
    """Which of `found` [N, 6] are right at each threshold, [N, 10]; a true box counts once."""
    right = np.zeros((len(found), len(THRESHOLDS)), bool)
    if not len(found) or not len(truth):
        return right
    iou = overlaps(truth[:, :4], found[:, :4]) * (truth[:, 4:5] == found[None, :, 5])
    taken = np.zeros((len(truth), len(THRESHOLDS)), bool)
    columns = np.arange(len(THRESHOLDS))
    for index in np.flatnonzero((iou >= THRESHOLDS[0]).any(0)):
        free = np.where(taken, 0, iou[:, index, None])
        best = free.argmax(0)
        right[index] = free[best, columns] >= THRESHOLDS
        taken[best, columns] |= right[index]
    return right


def overlaps(one: Floats, other: Floats) -> Floats:
    """IoU of boxes [M, 4] with boxes [N, 4], [M, N]."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    side = np.maximum(high - low, 0)
    shared = side[..., 0] * side[..., 1]
    areas = [(each[:, 2] - each[:, 0]) * (each[:, 3] - each[:, 1]) for each in (one, other)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(shared / (union + 1e-7), np.float32)


def from_hits(correct: NDArray[np.bool_], count: int) -> NDArray[np.float64]:
    """Average precision of one class at each threshold from `correct` [N, 10] by falling score."""
    if not len(correct):
        return np.zeros(correct.shape[1])
    return areas(correct.cumsum(0), np.arange(1, len(correct) + 1), count)


def areas(hits: NDArray[Any], found: NDArray[Any], count: float) -> NDArray[np.float64]:
    """The areas below precision and recall.

    Args:
        hits: [N, thresholds], right boxes up to each place of the ranking.
        found: [N], boxes up to that place.
        count: true boxes.
    """
    recall, precision = hits / count, hits / found[:, None]
    values = np.empty(hits.shape[1])
    for column in range(hits.shape[1]):
        levels = envelope(recall[:, column], precision[:, column])
        values[column] = np.trapezoid(levels, RECALLS)
    return values


def envelope(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best precision that is reached at each of `RECALLS` or beyond."""
    at = np.concatenate(([0.0], recall, [recall[-1], 1.0]))
    level = np.concatenate(([1.0], precision, [0.0, 0.0]))
    return np.interp(RECALLS, at, np.maximum.accumulate(level[::-1])[::-1])
