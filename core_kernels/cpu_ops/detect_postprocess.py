"""`detect_postprocess` on a CPU: one pass over the scores, then each candidate against those kept.

With at most some hundreds kept, that is far fewer comparisons than every pair of candidates.
"""

import numpy as np
import torch
from torch import Tensor

from core_kernels.compiling import compiled
from core_kernels.parts import in_parts
from core_kernels.structures.heads import CLASS_OFFSET


@compiled
def _select(head, score_floor, best, label, chosen):
    """Fill the best score and its class of each anchor of [4 + classes, N]; the candidates' count.

    `chosen` gets the candidates in ascending order.
    """
    anchors = head.shape[1]
    broken = np.zeros(anchors, np.bool_)
    best[:] = -np.inf
    label[:] = 0
    for c in range(4, head.shape[0]):
        scores = head[c]
        for n in range(anchors):
            score = scores[n]
            broken[n] |= score != score
            better = score > best[n]
            best[n] = score if better else best[n]
            label[n] = c - 4 if better else label[n]
    found = 0
    for n in range(anchors):
        if best[n] > score_floor and not broken[n]:
            reach = abs(head[0, n]) + abs(head[1, n]) + abs(head[2, n]) + abs(head[3, n])
            if reach < np.inf:
                chosen[found] = n
                found += 1
    return found


@compiled
def _suppress(head, order, best, label, overlap, offset, packed):
    """Write the anchors of `order` that survive to `packed` [1 + most, 6]; how many they are."""
    most = packed.shape[0] - 1
    shifted, area = np.empty((4, most), np.float32), np.empty(most, np.float32)
    kept = 0
    for n in order:
        half_w, half_h = head[2, n] / np.float32(2), head[3, n] / np.float32(2)
        x1, y1 = head[0, n] - half_w, head[1, n] - half_h
        x2, y2 = head[0, n] + half_w, head[1, n] + half_h
        shift = np.float32(label[n]) * offset
        a1, b1, a2, b2 = x1 + shift, y1 + shift, x2 + shift, y2 + shift
        own = (a2 - a1) * (b2 - b1)
        gone = False
        for k in range(kept):
            wide = min(a2, shifted[2, k]) - max(a1, shifted[0, k])
            tall = min(b2, shifted[3, k]) - max(b1, shifted[1, k])
            if wide > 0 and tall > 0:
                shared = wide * tall
                if shared / (area[k] + own - shared) > overlap:
                    gone = True
                    break
        if gone:
            continue
        shifted[0, kept], shifted[1, kept], shifted[2, kept], shifted[3, kept] = a1, b1, a2, b2
        area[kept] = own
        kept += 1
        row = packed[kept]
        row[0], row[1], row[2], row[3], row[4], row[5] = x1, y1, x2, y2, best[n], label[n]
        if kept == most:
            break
    return kept


def _raw(head, score_floor, overlap, candidates, packed):
    """One image: head [4 + classes, N] into `packed` [1 + most, 6], network pixels."""
    anchors = head.shape[1]
    best, label = np.empty(anchors, np.float32), np.empty(anchors, np.int32)
    chosen = np.empty(anchors, np.int64)
    found = _select(head, score_floor, best, label, chosen)
    chosen = chosen[:found]
    order = chosen[np.argsort(-best[chosen], kind="stable")[:candidates]]
    offset = np.float32(CLASS_OFFSET)
    packed[0, 0] = _suppress(head, order, best, label, overlap, offset, packed)
    packed[0, 1] = found


def _final(rows, score_floor, candidates, packed):
    """One image: rows [N, 6] that need no suppression."""
    good = (rows[:, 4] > score_floor) & np.isfinite(rows[:, :4]).all(1)
    chosen = rows[good]
    order = np.argsort(-chosen[:, 4], kind="stable")[: min(candidates, len(packed) - 1)]
    packed[1 : 1 + len(order)] = chosen[order, :6]
    packed[0, :2] = len(order), len(chosen)


@compiled
def _to_source(packed, placement):
    """The boxes of one image from network to source pixels, cut at the edge."""
    for at in range(1, 1 + int(packed[0, 0])):
        for side in range(4):
            axis = side % 2
            value = (packed[at, side] - placement[2 + axis]) / placement[axis]
            packed[at, side] = min(max(value, np.float32(0)), placement[4 + axis])


def detect_postprocess(
    head: Tensor, placements: Tensor | None, limits: Tensor, most: int, candidates: int,
    final: bool,
) -> Tensor:  # fmt: skip
    """As the reference, bit for bit."""
    values = head.float().contiguous().numpy()
    packed = np.zeros((len(values), 1 + most, 6), np.float32)
    places = None if placements is None else placements.float().contiguous().numpy()
    floor, limit = limits.numpy()

    def run(start: int, stop: int) -> None:
        for index in range(start, stop):
            if final:
                _final(values[index], floor, candidates, packed[index])
            else:
                _raw(values[index], floor, limit, candidates, packed[index])
            if places is not None:
                _to_source(packed[index], places[index])

    in_parts(run, len(values), least=1)
    return torch.from_numpy(packed)
