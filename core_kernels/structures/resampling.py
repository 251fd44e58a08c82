"""A volume's grid resampled: lengths, which voxels each one takes, and the lines of HU windows.

The filter is a triangle whose half width is one voxel of the coarser grid: linear interpolation
where the grid gets finer, antialiased where it gets coarser (what Pillow calls BILINEAR and torch
`antialias=True`). Grids share the corner of the first voxel; weights are cut at the volume's edge
and add up to one.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor


def prepared_length(length: int, spacing: float, target: float) -> int:
    """Voxels along an axis after resampling from `spacing` to `target`, mm each; at least one."""
    return max(1, round(length * spacing / target))


def reached(at: int, length: int, scale: float) -> tuple[int, int]:
    """The voxels, from and to (not included), that have a weight in resampled voxel `at`.

    The arithmetic of `taps` for one voxel, on numbers alone: a compiler follows it.

    Args:
        scale: voxels of the volume in one resampled voxel.
    """
    half, centre = max(scale, 1.0), (at + 0.5) * scale
    first = min(max(math.floor(centre - half + 0.5), 0), length - 1)
    last = min(first + math.ceil(2 * half) + 1, length)
    found = [one for one in range(first, last) if 1 - abs(one + 0.5 - centre) / half > 0]
    return (found[0], found[-1] + 1) if found else (first, first)


@lru_cache(maxsize=64)
def taps(length: int, count: int, scale: float) -> tuple[Tensor, Tensor]:
    """The first voxel and the weights of each of `count` resampled voxels along an axis.

    Args:
        scale: voxels of the volume in one resampled voxel.

    Returns:
        int64 [count], in order; float64 [count, T] with zeros after the last weight.
    """
    half = max(scale, 1.0)
    centre = (torch.arange(count, dtype=torch.float64) + 0.5) * scale
    first = (centre - half + 0.5).floor().long().clamp(0, length - 1)
    at = first[:, None] + torch.arange(math.ceil(2 * half) + 1)
    weights = (1 - (at + 0.5 - centre[:, None]).abs() / half).clamp(min=0)
    weights = torch.where(at < length, weights, 0.0)
    # Without the zeros in front every row begins with a weight, and rows are as short as they can.
    skipped = (weights > 0).long().argmax(1)
    order = (torch.arange(weights.shape[1]) + skipped[:, None]).clamp(max=weights.shape[1] - 1)
    moved = weights.gather(1, order)
    moved = torch.where(
        torch.arange(weights.shape[1]) + skipped[:, None] < weights.shape[1], moved, 0.0
    )
    longest = max(int((moved > 0).sum(1).max()), 1)
    moved = moved[:, :longest]
    return first + skipped, moved / moved.sum(1, keepdim=True)


def matrix(length: int, count: int, scale: float) -> Tensor:
    """The weights of an axis as float64 [count, length]."""
    first, weights = taps(length, count, scale)
    at = (first[:, None] + torch.arange(weights.shape[1])).clamp(max=length - 1)
    return torch.zeros(count, length, dtype=torch.float64).scatter_add_(1, at, weights)


def lines(slope: float, intercept: float, windows: list[float]) -> list[tuple[float, float]]:
    """Of each window, factor and summand that take a stored value to 0..1: centre, width, …"""
    told = []
    for centre, width in zip(windows[::2], windows[1::2], strict=True):
        told.append((slope / width, (intercept - (centre - width / 2)) / width))
    return told
