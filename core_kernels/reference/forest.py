"""Decision trees, level by level over all rows; sums in fp32, in the order of the trees.

The walk is XGBoost's (Chen and Guestrin, 2016, arXiv:1603.02754): less than the threshold goes
left, a missing value (NaN) where its node sends it.
"""

from itertools import pairwise

import torch
from torch import Tensor


def forest_leaves(
    x: Tensor, nodes: Tensor, ids: Tensor, roots: Tensor, depths: Tensor, columns: Tensor
) -> Tensor:
    """[B, T] int32: the leaf of each row in each tree, numbered as in the model.

    Args:
        x: [B, F] fp32, NaN where a value is missing.
        nodes, ids, roots, depths, columns: see `PackedForest`.
    """
    walked = ids.long()[_walk(x, nodes, roots, depths)]
    leaves = torch.empty_like(walked)
    leaves[:, columns.long()] = walked
    return leaves.int()


def forest(
    x: Tensor, nodes: Tensor, roots: Tensor, depths: Tensor, starts: Tensor, base: Tensor
) -> Tensor:
    """[B, outputs] fp32: the base margin plus the leaves' values, tree after tree."""
    values = nodes[:, 3].contiguous().view(torch.float32)[_walk(x, nodes, roots, depths)]
    margins = base.expand(len(x), -1).clone()
    edges = starts.tolist()
    for output, (start, stop) in enumerate(pairwise(edges)):
        for tree in range(start, stop):
            margins[:, output] += values[:, tree]
    return margins


def _walk(x: Tensor, nodes: Tensor, roots: Tensor, depths: Tensor) -> Tensor:
    """[B, T] the node of each leaf."""
    at = roots.long().expand(len(x), -1)
    thresholds = nodes[:, 1].contiguous().view(torch.float32)
    for _ in range(int(depths.max()) if depths.numel() else 0):
        head = nodes[:, 0][at]
        value = x.gather(1, (head >> 1).long())
        right = (value >= thresholds[at]) | (value.isnan() & (head & 1).bool())
        at = nodes[:, 2][at].long() + right
    return at
