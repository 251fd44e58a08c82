"""Boxes in columns: what decisions over many pictures at once are computed from.

`weights` says what each box counts as under an operating point's rules, exactly as
`OperatingPoint.severity_of` does for one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.schema import OperatingPoint, Severity

IGNORED, MINOR, MAJOR, CRITICAL = 0, 1, 2, 3
RANK_OF: dict[str, int] = {
    "ignore": IGNORED,
    "minor": MINOR,
    "major": MAJOR,
    "critical": CRITICAL,
}
PASS, REVIEW, FAIL = 0, 1, 2
OUTCOMES = ("pass", "review", "fail")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """B boxes of one set of classes.

    Attributes:
        owner: int64 [B], which picture or part a box belongs to, from 0.
        label: int64 [B], the index of its class.
        score: float64 [B]; 1 for boxes drawn by people.
        corners: float64 [B, 4], x1 y1 x2 y2 in source pixels.
        usual: int64 [B], the rank of the severity that the model's manifest gives the class.
    """

    owner: Ints
    label: Ints
    score: Floats
    corners: Floats
    usual: Ints

    @property
    def side(self) -> Floats:
        """The longer side, source pixels [B]."""
        return np.maximum(
            self.corners[:, 2] - self.corners[:, 0], self.corners[:, 3] - self.corners[:, 1]
        )

    def of(self, owner: Ints) -> "Boxes":
        """The same boxes with other owners, e.g. parts instead of pictures."""
        return replace(self, owner=owner)

    def where(self, chosen: NDArray[np.bool_]) -> "Boxes":
        """Some of them."""
        return Boxes(
            owner=self.owner[chosen],
            label=self.label[chosen],
            score=self.score[chosen],
            corners=self.corners[chosen],
            usual=self.usual[chosen],
        )


def no_boxes() -> Boxes:
    """None at all."""
    none = np.zeros(0, dtype=np.int64)
    return Boxes(
        owner=none,
        label=none,
        score=np.zeros(0),
        corners=np.zeros((0, 4)),
        usual=none,
    )


def usual_ranks(classes: Sequence[str], severities: Mapping[str, Severity]) -> Ints:
    """The rank of each class's severity [C]; major where the manifest names none."""
    return np.array([RANK_OF[severities.get(name, "major")] for name in classes], dtype=np.int64)


def weights(boxes: Boxes, classes: Sequence[str], point: OperatingPoint) -> Ints:
    """What each box counts as: `IGNORED`, `MINOR`, `MAJOR` or `CRITICAL` [B]."""
    side = boxes.side
    found = boxes.usual.copy()
    for index, name in enumerate(classes):
        mine = boxes.label == index
        if not mine.any():
            continue
        own = point.rule(name).severity
        if own is not None:
            found[mine] = RANK_OF[own]
        if point.mm_per_pixel is not None:
            for size in point.sizes_of(name):
                reached = mine & (side * point.mm_per_pixel >= size.from_mm)
                found[reached] = RANK_OF[size.severity]
        found[mine & (side < point.min_side_of(name))] = IGNORED
    return found


def outcomes(
    boxes: Boxes, rank: Ints, classes: Sequence[str], point: OperatingPoint, owners: int
) -> NDArray[np.int8]:
    """`PASS`, `REVIEW` or `FAIL` of each owner [owners], as `decide` says it for one picture and
    the worst of its views for a part. `rank` is what `weights` gave."""
    threshold = np.array([point.threshold_of(name) for name in classes] or [1.0])
    review = np.array([point.review_from_of(name) for name in classes] or [1.0])
    counts = rank > IGNORED
    said = np.zeros(len(boxes.score), dtype=np.int8)
    said[counts & (boxes.score >= review[boxes.label])] = REVIEW
    said[counts & (rank > MINOR) & (boxes.score >= threshold[boxes.label])] = FAIL
    found = np.zeros(owners, dtype=np.int8)
    np.maximum.at(found, boxes.owner, said)
    return found
