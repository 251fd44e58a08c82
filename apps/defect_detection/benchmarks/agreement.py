"""Do two detectors say the same? Counts and IoU of matched boxes, per frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Sequence[Any]  # x1, y1, x2, y2, score, label


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Over all frames, of boxes at or above the threshold.

    Attributes:
        frames: compared.
        boxes: of the reference.
        frames_differing: whose counts differ or that hold a box without a partner of its class.
        lowest_iou: of matched pairs; 1.0 when there are none.
    """

    frames: int
    boxes: int
    frames_differing: int
    lowest_iou: float

    @property
    def same(self) -> bool:
        """Same count everywhere and every pair at IoU 0.99 or more."""
        return self.frames_differing == 0 and self.lowest_iou >= 0.99


def compare(
    reference: Mapping[str, Sequence[Row]], ours: Mapping[str, Sequence[Row]], threshold: float
) -> Agreement:
    """Match boxes of each frame greedily by IoU within their class."""
    differing, boxes, lowest = 0, 0, 1.0
    for name, rows in reference.items():
        wanted = [row for row in rows if row[4] >= threshold]
        left = [row for row in ours.get(name, ()) if row[4] >= threshold]
        boxes += len(wanted)
        differs = len(wanted) != len(left)
        for row in wanted:
            partners = [other for other in left if other[5] == row[5]]
            best = max(partners, key=lambda other: iou(row, other), default=None)
            if best is None:
                differs = True
                continue
            left.remove(best)
            lowest = min(lowest, iou(row, best))
        differing += differs
    return Agreement(
        frames=len(reference), boxes=boxes, frames_differing=differing, lowest_iou=lowest
    )


def iou(one: Row, other: Row) -> float:
    """Intersection over union of two corner boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))
