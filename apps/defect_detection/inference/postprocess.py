"""The network's output to boxes: threshold and class-aware non-maximum suppression.

Equal to Ultralytics' `non_max_suppression` with ``multi_label=False`` over torchvision: the best
class of each anchor, scores strictly above the floor, classes kept apart by an offset of 7680
pixels, and at most 300 boxes. Its arithmetic is fp32, and so is this.
"""

import numpy as np
from numpy.typing import NDArray

MAX_CANDIDATES = 30_000
MAX_BOXES = 300
CLASS_OFFSET = np.float32(7680)
# Up to here the whole IoU matrix (4 bytes × n²) is computed at once.
MATRIX_LIMIT = 1500

Rows = NDArray[np.float32]


def from_raw(
    output: NDArray[np.float32], score_floor: float, overlap: float, every_class: bool = False
) -> Rows:
    """Boxes of a head without NMS.

    Args:
        output: [4 + classes, anchors]: centre x, centre y, width, height, then a score a class.
        score_floor: boxes must score more than this.
        overlap: IoU above which the weaker of two boxes of one class goes.
        every_class: every class of an anchor counts, not only its best: how detectors are compared.

    Returns:
        [N, 6] x1, y1, x2, y2, score, class in network pixels, highest score first.
    """
    scores = output[4:]
    if every_class:
        chosen, label = np.nonzero(np.float32(score_floor) < scores.T)
        best = scores[label, chosen]
    else:
        strongest = scores.max(axis=0)
        chosen = np.flatnonzero(strongest > np.float32(score_floor))
        best, label = strongest[chosen], scores[:, chosen].argmax(axis=0)
    if not len(chosen):
        return np.empty((0, 6), np.float32)
    order = np.argsort(-best, kind="stable")[:MAX_CANDIDATES]
    chosen = chosen[order]
    centre = output[:2, chosen].T
    half = output[2:4, chosen].T / np.float32(2)
    rows = np.empty((len(chosen), 6), np.float32)
    rows[:, :2] = centre - half
    rows[:, 2:4] = centre + half
    rows[:, 4] = best[order]
    rows[:, 5] = label[order]
    return rows[suppress(rows, overlap)]


def from_end2end(output: NDArray[np.float32], score_floor: float) -> Rows:
    """Boxes of an NMS-free head [300, 6], which are final but for the floor."""
    rows = output[output[:, 4] > np.float32(score_floor)][:MAX_BOXES]
    return np.ascontiguousarray(rows[np.argsort(-rows[:, 4], kind="stable")])


def suppress(rows: Rows, overlap: float) -> NDArray[np.int64]:
    """Indices of `rows` (sorted by score) that survive greedy class-aware suppression."""
    boxes = rows[:, :4] + rows[:, 5:6] * CLASS_OFFSET
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    limit = np.float32(overlap)
    alive = np.ones(len(rows), bool)
    whole = _iou(boxes, area, slice(None)) > limit if len(rows) <= MATRIX_LIMIT else None
    kept: list[int] = []
    for index in range(len(rows)):
        if not alive[index]:
            continue
        kept.append(index)
        if len(kept) == MAX_BOXES:
            break
        if whole is not None:
            alive &= ~whole[index]
        else:
            alive &= _iou(boxes, area, slice(index, index + 1))[0] <= limit
    return np.asarray(kept, np.int64)


def _iou(boxes: Rows, area: NDArray[np.float32], of: slice) -> NDArray[np.float32]:
    """IoU of the boxes `of` with all boxes, [M, N]."""
    low = np.maximum(boxes[of, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[of, None, 2:], boxes[None, :, 2:])
    side = np.maximum(high - low, np.float32(0))
    shared = side[..., 0] * side[..., 1]
    union = area[of, None] + area[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
