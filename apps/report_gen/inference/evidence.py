"""What masks and centres say of each finding, as the numbers that its verdict weighs.

Every number keeps the smallest lesion apart from the rest of the chest: peaks are means over the
likeliest voxels of a side, never over all of it, and a volume is told as its logarithm.
"""

from typing import Final

import torch
from torch import Tensor

from apps.report_gen.findings import FOCAL, KEYS

LIKELIEST: Final = (1, 8, 64, 512, 4096)
"""Voxels of one side whose mean logit is a peak: from a nodule of 5 mm to an effusion."""
SCALE: Final = 4.0
"""Logits are divided by it, so that every number is about 1."""
EACH_SIDE: Final = 1 + len(LIKELIEST)
EVIDENCE: Final = 3 * EACH_SIDE + 1
"""Right, left, the greater of both: a volume and peaks each; and the centres' peak."""
RIGHT, LEFT, EITHER, CENTRE = 0, EACH_SIDE, 2 * EACH_SIDE, 3 * EACH_SIDE
SEED: Final = 1 + LIKELIEST.index(8)
"""The peak, of a side's numbers, that a verdict begins with."""


@torch.no_grad()
def evidence(masks: Tensor, heat: Tensor) -> Tensor:
    """[B, K, EVIDENCE] of logits [B, K, D, H, W] and [B, focal kinds, D, H, W].

    The verdict learns from masks, not they from it: a study's state does not say where the
    finding lies.
    """
    half = masks.shape[-1] // 2
    # The patient's right is where x is great.
    right, left = (_of_side(part.float()) for part in (masks[..., half:], masks[..., :half]))
    centre = torch.zeros_like(right[..., :1])
    centre[:, [KEYS.index(key) for key in FOCAL], 0] = heat.float().amax((2, 3, 4)) / SCALE
    return torch.cat([right, left, torch.maximum(right, left), centre], 2)


def _of_side(logits: Tensor) -> Tensor:
    """[B, K, EACH_SIDE] of [B, K, D, H, W]."""
    volume = torch.log1p(logits.sigmoid().sum((2, 3, 4))) / SCALE
    ranked = likeliest(logits, LIKELIEST[-1])
    peaks = [ranked[..., :count].mean(2) / SCALE for count in LIKELIEST]
    return torch.stack([volume, *peaks], 2)


def likeliest(logits: Tensor, count: int) -> Tensor:
    """The `count` greatest of each map [B, K, D, H, W], sorted: [B, K, count] or all there are.

    They lie in the `count` blocks of 2x2x2 voxels with the greatest maxima, which are an eighth as
    many to rank. Edges are even.
    """
    depth, height, width = (size // 2 for size in logits.shape[2:])
    parts = logits.unflatten(4, (width, 2)).unflatten(3, (height, 2)).unflatten(2, (depth, 2))
    blocks = parts.permute(0, 1, 2, 4, 6, 3, 5, 7).flatten(5).flatten(2, 4)
    with torch.no_grad():
        best = blocks.amax(3).topk(min(count, blocks.shape[2]), 2, sorted=False).indices
    inside = blocks.gather(2, best[..., None].expand(-1, -1, -1, 8)).flatten(2)
    return inside.topk(min(count, inside.shape[2]), 2).values


def first_weights() -> Tensor:
    """[K * 3, EVIDENCE]: a finding is there, and on a side, as surely as its likeliest voxels.

    So that states follow as soon as masks are learned. A focal kind begins with its centres.
    """
    made = torch.zeros(len(KEYS), 3, EVIDENCE)
    for index, key in enumerate(KEYS):
        made[index, 0, CENTRE if key in FOCAL else EITHER + SEED] = SCALE
        made[index, 1, RIGHT + SEED] = made[index, 2, LEFT + SEED] = SCALE
    return made.flatten(0, 1)
