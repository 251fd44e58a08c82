"""Neighbours as of a moment, by their definition, in vectorised torch.

The counter-based generator is Philox-like in use, not in kind: each number is a hash of the seed,
the row and the place (splitmix64's finaliser; Steele, Lea and Flood, 2014), so no order of work
changes what is drawn.
"""

import torch
from torch import Tensor

_MULTIPLIERS = (-4658895280553007687, -7723592293110705685)  # as signed 64 bit


def _shifted(value: Tensor, bits: int) -> Tensor:
    """A logical shift to the right of int64."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def drawn(start: int, rows: Tensor, places: Tensor) -> Tensor:
    """A number of 62 bits for each pair of a row and a place."""
    value = (rows << 12) + places + start
    value = (value ^ _shifted(value, 30)) * _MULTIPLIERS[0]
    value = (value ^ _shifted(value, 27)) * _MULTIPLIERS[1]
    return _shifted(value ^ _shifted(value, 31), 2)


def sample_neighbors(
    nodes: Tensor, before: Tensor, ids: Tensor, times: Tensor, heads: Tensor, count: int,
    uniform: bool, distinct: bool, start: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Up to `count` neighbours of each node among the edges that came before a moment.

    An edge counts if its time is less than `before`. With `distinct` only the newest edge of each
    neighbour does. Then the newest are taken, newest first, or with `uniform` those with the
    smallest drawn numbers, smallest first: each set of edges is as likely as any other.

    Args:
        nodes: [B] int64, −1 for none.
        before: [B] int64.
        ids, times: [N, K]; heads: [N]: see `NeighborTable`.
        start: of the generator: `started` of a seed.

    Returns:
        neighbours [B, count] int32, −1 where there are no more, and the times of their edges
        [B, count] int64 (0 there).
    """
    width = ids.shape[1]
    rows = nodes.clamp(min=0)
    age = torch.arange(width, device=nodes.device)
    newest = heads[rows][:, None] - 1 - age
    column = newest % width
    found, when = ids[rows].gather(1, column), times[rows].gather(1, column)
    taken = (newest >= 0) & (when < before[:, None]) & (nodes >= 0)[:, None]
    if distinct:
        same = (found[:, :, None] == found[:, None, :]) & taken[:, None, :]
        taken = taken & ~torch.tril(same, -1).any(2)
    rank = age.expand_as(found)
    if uniform:
        row = torch.arange(len(nodes), device=nodes.device)[:, None]
        rank = drawn(start, row, age[None, :])
    rank = torch.where(taken, rank, 2**62)
    order = torch.argsort(rank, dim=1, stable=True)[:, :count]
    chosen = taken.gather(1, order)
    neighbors = torch.where(chosen, found.gather(1, order), -1)
    moments = torch.where(chosen, when.gather(1, order), 0)
    short = count - neighbors.shape[1]
    if short > 0:
        neighbors = torch.nn.functional.pad(neighbors, (0, short), value=-1)
        moments = torch.nn.functional.pad(moments, (0, short))
    return neighbors, moments
