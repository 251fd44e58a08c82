"""Neighbours as of a moment on a GPU: a program holds the ring of one node in registers.

Nothing is sorted: a candidate's place is how many candidates come before it.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

_M1 = tl.constexpr(-4658895280553007687)
_M2 = tl.constexpr(-7723592293110705685)
_LAST = tl.constexpr(4611686018427387904)


@triton.jit
def _drawn(row, place, start):
    """The reference's generator, its shifts made logical by masks."""
    value = (row << 12) + place + start
    value = (value ^ ((value >> 30) & 0x3FFFFFFFF)) * _M1
    value = (value ^ ((value >> 27) & 0x1FFFFFFFFF)) * _M2
    value = value ^ ((value >> 31) & 0x1FFFFFFFF)
    return (value >> 2) & 0x3FFFFFFFFFFFFFFF


@triton.jit
def _kernel(
    nodes, before, ids, times, heads, out, moments, count, width, start,
    UNIFORM: tl.constexpr, DISTINCT: tl.constexpr, PLACES: tl.constexpr, COUNT: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    node = tl.load(nodes + row).to(tl.int64)
    there = node >= 0
    head = tl.load(heads + node, there, 0)
    age = tl.arange(0, PLACES)
    newest = head - 1 - age.to(tl.int64)
    held = (newest >= 0) & (age < width)
    at = node * width + tl.where(held, newest, 0) % width
    found = tl.load(ids + at, held, -1)
    when = tl.load(times + at, held, 0)
    taken = held & (when < tl.load(before + row))
    if DISTINCT:
        twice = (found[:, None] == found[None, :]) & (age[None, :] < age[:, None])
        twice = twice & taken[None, :]
        taken = taken & (tl.sum(twice.to(tl.int32), 1) == 0)
    rank = age.to(tl.int64)
    if UNIFORM:
        rank = _drawn(row, rank, start)
    rank = tl.where(taken, rank, _LAST)
    ahead = (rank[None, :] < rank[:, None]) | (
        (rank[None, :] == rank[:, None]) & (age[None, :] < age[:, None])
    )
    place = tl.sum((ahead & taken[None, :]).to(tl.int32), 1)
    kept = taken & (place < count)
    tl.store(out + row * count + place, found, kept)
    tl.store(moments + row * count + place, when, kept)
    slot = tl.arange(0, COUNT)
    empty = (slot >= tl.sum(taken.to(tl.int32), 0)) & (slot < count)
    tl.store(out + row * count + slot, -1, empty)
    tl.store(moments + row * count + slot, 0, empty)


def sample_neighbors(
    nodes: Tensor, before: Tensor, ids: Tensor, times: Tensor, heads: Tensor, count: int,
    uniform: bool, distinct: bool, start: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    rows, width = len(nodes), ids.shape[1]
    out = torch.empty((rows, count), dtype=torch.int32, device=nodes.device)
    moments = torch.empty((rows, count), dtype=torch.int64, device=nodes.device)
    if rows:
        places = triton.next_power_of_2(width)
        _kernel[(rows,)](
            nodes.contiguous(), before.contiguous(), ids, times, heads, out, moments, count, width,
            start, UNIFORM=uniform, DISTINCT=distinct, PLACES=places,
            COUNT=triton.next_power_of_2(count), num_warps=1 if places <= 32 else 4,
        )  # fmt: skip
    return out, moments
