"""Reductions over the neighbours of each node, the formula and its gradient.

The aggregations of GraphSAGE (Hamilton, Ying and Leskovec, 2017, arXiv:1706.02216) and PNA (Corso
et al., 2020, arXiv:2004.05718).
"""

import torch
from torch import Tensor

#: Variances below count as none, as in PyG: the deviation is 0 and has no gradient.
LEAST_VARIANCE = 1e-5


def gather_reduce(
    x: Tensor, indptr: Tensor, indices: Tensor, weights: Tensor | None, pieces: Tensor,
    long: Tensor, which: str, train: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Over the messages ``m = weight · x[source]`` of each target: sum, mean, max, deviation.

    The mean is over the number of messages, the deviation that of the population. Without messages
    all are 0.

    Args:
        x: [M, F].
        indptr: [N + 1]; indices, weights: [E].
        pieces, long: see `structures.graph.Rows`; not needed here.
        which: letters of what is asked for: s, m, x (max), d (deviation, which brings the mean).
        train: the maximum's edges are asked for.

    Returns:
        sum, mean, max and deviation, each [N, F] in the dtype of x or [0] if not asked for; and
        with max and `train` the first edge of each maximum, [N, F] int32 (−1 without messages).
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    rows, width = len(indptr) - 1, x.shape[1]
    degree = indptr.diff()
    owner = torch.repeat_interleave(torch.arange(rows, device=x.device), degree)
    messages = x.to(wide)[indices.long()]
    if weights is not None:
        messages = messages * weights.to(wide)[:, None]
    total = messages.new_zeros(rows, width).index_add_(0, owner, messages)
    mean = total / degree.clamp(min=1)[:, None]
    spread, largest = x.new_empty(0), x.new_empty(0)
    arg = torch.empty(0, dtype=torch.int32, device=x.device)
    if "d" in which:
        away = (messages - mean[owner]).square()
        variance = torch.zeros_like(mean).index_add_(0, owner, away)
        variance = variance / degree.clamp(min=1)[:, None]
        spread = torch.where(variance > LEAST_VARIANCE, variance.sqrt(), 0.0).to(x.dtype)
    if "x" in which:
        where = owner[:, None].expand(-1, width)
        found = messages.new_zeros(rows, width)
        found.scatter_reduce_(0, where, messages, "amax", include_self=False)
        if train:
            edge = torch.arange(len(owner), device=x.device)[:, None].expand(-1, width)
            same = (messages == found[owner]) | (messages.isnan() & found[owner].isnan())
            first = torch.full((rows, width), 2**31 - 1, device=x.device)
            first.scatter_reduce_(0, where, torch.where(same, edge, 2**31 - 1), "amin")
            arg = torch.where(first == 2**31 - 1, -1, first).int()
        largest = found.to(x.dtype)
    return (
        total.to(x.dtype) if "s" in which else x.new_empty(0),
        mean.to(x.dtype) if "m" in which or "d" in which else x.new_empty(0),
        largest,
        spread,
        arg,
    )


def gather_reduce_backward(
    x: Tensor, flat: Tensor, slope: Tensor | None, d_max: Tensor | None, arg: Tensor | None,
    weights: Tensor | None, indptr: Tensor, indices: Tensor, edges: Tensor, pieces: Tensor,
    long: Tensor,
) -> Tensor:  # fmt: skip
    """The gradient of x, [M, F].

    That of a message of edge e into target i is ``flat[i] + slope[i] · m``, plus ``d_max[i]`` where
    `arg` [N, F] names e.

    Args:
        x: [M, F]; flat, slope, d_max: [N, F].
        weights: [E] in the order of the targets.
        indptr, indices, edges, pieces, long: `Rows` by source.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    owner = torch.repeat_interleave(torch.arange(len(x), device=x.device), indptr.diff())
    target, edge = indices.long(), edges.long()
    scale = None if weights is None else weights.to(wide)[edge][:, None]
    given = flat.to(wide)[target]
    if slope is not None:
        message = x.to(wide)[owner] if scale is None else x.to(wide)[owner] * scale
        given = given + slope.to(wide)[target] * message
    if d_max is not None and arg is not None:
        given = given + torch.where(arg[target] == edge[:, None], d_max.to(wide)[target], 0.0)
    if scale is not None:
        given = given * scale
    return torch.zeros(x.shape, dtype=wide, device=x.device).index_add_(0, owner, given).to(x.dtype)
