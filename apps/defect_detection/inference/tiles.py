"""Large images in overlapping tiles, and one box for a defect that lies on a seam."""

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference.postprocess import Rows

OVERLAP = 128
# Share of the smaller box that must lie in the larger one for both to be one defect.
SAME_DEFECT = 0.5


def corners(width: int, height: int, size: int, overlap: int = OVERLAP) -> list[tuple[int, int]]:
    """Left-top corners of tiles of `size` that cover the image; the last ones end at its edge.

    Neighbours share at least `overlap` pixels, so that a defect up to that size is whole in one.
    """
    return [
        (left, top)
        for top in _starts(height, size, overlap)
        for left in _starts(width, size, overlap)
    ]


def _starts(length: int, size: int, overlap: int) -> list[int]:
    if length <= size:
        return [0]
    count = -(-(length - overlap) // (size - overlap))
    return [round(index * (length - size) / (count - 1)) for index in range(count)]


def merge(rows: Rows) -> Rows:
    """Join boxes [N, 6] of one class, found in different views, that are parts of one defect.

    Two boxes are one defect when their overlap covers `SAME_DEFECT` of the smaller. The joined box
    encloses both and has the higher score. Repeats until nothing joins.
    """
    while len(rows) > 1:
        rows = rows[np.argsort(-rows[:, 4], kind="stable")]
        joined = _merge_once(rows)
        if len(joined) == len(rows):
            return joined
        rows = joined
    return rows


def _merge_once(rows: Rows) -> Rows:
    boxes = rows[:, :4].astype(np.float64) + rows[:, 5:6].astype(np.float64) * 1e6
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    free = np.ones(len(rows), bool)
    out: list[NDArray[np.float32]] = []
    for index in range(len(rows)):
        if not free[index]:
            continue
        near = free & (_covered(boxes, area, index) >= SAME_DEFECT)
        near[index] = True
        free &= ~near
        group = rows[near]
        whole = rows[index].copy()
        whole[:2] = group[:, :2].min(axis=0)
        whole[2:4] = group[:, 2:4].max(axis=0)
        out.append(whole)
    return np.stack(out)


def _covered(boxes: NDArray[np.float64], area: NDArray[np.float64], index: int) -> NDArray:
    """Share of the smaller box covered, of box `index` with every box."""
    low = np.maximum(boxes[index, :2], boxes[:, :2])
    high = np.minimum(boxes[index, 2:], boxes[:, 2:])
    side = np.maximum(high - low, 0)
    smaller = np.maximum(np.minimum(area[index], area), 1e-9)
    return side[:, 0] * side[:, 1] / smaller
