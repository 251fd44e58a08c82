"""Ladders of thresholds, from letting almost nothing pass to letting almost everything pass.

A ladder fixes, before the certifying parts are looked at, which thresholds may be chosen: rung j
holds one threshold a class, and none of them falls from rung to rung. So whether a part is caught
changes at most once along the ladder, and one number a part says it all: how many of the lowest
rungs catch it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.operating.boxes import Boxes, Floats, Ints

STEP = 0.001
LOWEST = 0.01


@dataclass(frozen=True)
class Ladder:
    """`thresholds`: float64 [J, C], ascending along the first axis."""

    thresholds: Floats

    def __len__(self) -> int:
        return int(self.thresholds.shape[0])


def common(classes: int, lowest: float = LOWEST, step: float = STEP) -> Ladder:
    """One threshold for all classes on each rung, `step` apart, from `lowest` to 1."""
    count = round((1 - lowest) / step) + 1
    rungs = np.round(lowest + step * np.arange(count), 6)
    return Ladder(np.repeat(np.minimum(rungs, 1.0)[:, None], max(classes, 1), axis=1))


def by_class(
    scores: list[Floats], pooled: Floats, pace: Floats | None = None, steps: int = 400
) -> Ladder:
    """Rung s holds, for each class, the threshold that a share s of its `scores` lies below.

    Args:
        scores: of each class [C], of parts to choose by: the best score a find of this class
            reached there. Where there are fewer than five, `pooled` stands in.
        pace: how quickly a class's share grows, 0 to 1 [C]; slower for stricter limits.
    """
    columns = []
    for index, mine in enumerate(scores):
        shares = np.linspace(0, 1 if pace is None else float(pace[index]), steps)
        used = mine if len(mine) >= 5 else pooled
        if not len(used):
            used = np.array([LOWEST, 1.0])
        rungs = np.quantile(used, shares, method="lower")
        columns.append(np.maximum.accumulate(np.clip(_down(rungs), LOWEST, 1.0)))
    low, high = np.full((1, len(columns)), LOWEST), np.ones((1, len(columns)))
    return Ladder(np.concatenate([low, np.stack(columns, axis=1), high]))


def _down(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded down to the step, so that a score stays at or above its threshold."""
    return np.round(np.floor(values / STEP + 1e-9) * STEP, 6)


def rungs(boxes: Boxes, ladder: Ladder) -> Ints:
    """How many of the lowest rungs each box reaches [B]."""
    found = np.zeros(len(boxes.score), dtype=np.int64)
    for index in range(ladder.thresholds.shape[1]):
        mine = boxes.label == index
        column = ladder.thresholds[:, index]
        found[mine] = np.searchsorted(column, boxes.score[mine], side="right")
    return found


def highest(owner: Ints, values: Ints, owners: int) -> Ints:
    """The largest of its values for each owner [owners], 0 where it has none."""
    found = np.zeros(owners, dtype=np.int64)
    np.maximum.at(found, owner, values)
    return found
