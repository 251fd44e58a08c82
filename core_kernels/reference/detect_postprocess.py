"""A detector's head to boxes in source pixels: the formula, greedily and one box at a time."""

import torch
from torch import Tensor

from core_kernels.structures.heads import CLASS_OFFSET


def detect_postprocess(
    head: Tensor, placements: Tensor | None, limits: Tensor, most: int, candidates: int,
    final: bool,
) -> Tensor:  # fmt: skip
    """Threshold, order, suppress, move to source pixels, cut at the frame's edge; all in fp32.

    A candidate is an anchor whose best class scores more than the floor and whose box is
    finite; an anchor with a NaN score is none. Candidates go by descending score, equal ones by
    ascending anchor, and at most `candidates` of them count. One is dropped when its IoU with one
    kept before, both shifted by class · 7680 pixels, is more than the overlap.

    Args:
        head: [B, 4 + classes, N], centre x, centre y, width, height and a score a class; with
            `final` [B, N, 6], x1, y1, x2, y2, score, class, which is only filtered and ordered.
        placements: fp32 [B, 6] from `letterbox`, or None: boxes stay in network pixels, uncut.
        limits: fp32 [2], score floor and overlap.

    Returns:
        fp32 [B, 1 + most, 6]: in row 0 how many boxes follow and how many candidates there were;
        then x1, y1, x2, y2, score, class, the rest zeros.
    """
    score_floor, overlap = limits
    packed = torch.zeros((len(head), 1 + most, 6), device=head.device)
    for index, image in enumerate(head.float()):
        rows = _final_rows(image) if final else _rows(image)
        good = (rows[:, 4] > score_floor) & rows[:, :4].isfinite().all(1)
        rows = rows[good]
        found = len(rows)
        rows = rows[rows[:, 4].argsort(descending=True, stable=True)[:candidates]]
        kept = rows[:most] if final else rows[_suppressed(rows, overlap, most)]
        if placements is not None:
            kept = _to_source(kept, placements[index])
        packed[index, 0, :2] = torch.tensor([len(kept), found])
        packed[index, 1 : 1 + len(kept)] = kept
    return packed


def _rows(image: Tensor) -> Tensor:
    centre, half, scores = image[:2].T, image[2:4].T / 2, image[4:].T
    best, label = scores.max(1)  # NaN where any score is
    return torch.cat([centre - half, centre + half, best[:, None], label[:, None].float()], 1)


def _final_rows(image: Tensor) -> Tensor:
    return image[:, :6]


def _suppressed(rows: Tensor, overlap: Tensor, most: int) -> Tensor:
    """Indices of the rows that survive, in their order."""
    boxes = rows[:, :4] + rows[:, 5:6] * CLASS_OFFSET
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    alive = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    kept: list[int] = []
    for index in range(len(rows)):
        if len(kept) == most:
            break
        if not alive[index]:
            continue
        kept.append(index)
        low = torch.maximum(boxes[index, :2], boxes[:, :2])
        high = torch.minimum(boxes[index, 2:], boxes[:, 2:])
        side = (high - low).clamp(min=0)
        shared = side[:, 0] * side[:, 1]
        # 0 / 0, two empty boxes, is no overlap: a comparison with NaN is false.
        alive &= ~(shared / (area[index] + area - shared) > overlap)
    return torch.tensor(kept, dtype=torch.int64, device=rows.device)


def _to_source(rows: Tensor, placement: Tensor) -> Tensor:
    scale, corner, size = placement[:2].repeat(2), placement[2:4].repeat(2), placement[4:].repeat(2)
    boxes = torch.minimum(((rows[:, :4] - corner) / scale).clamp(min=0), size)
    return torch.cat([boxes, rows[:, 4:]], 1)
