"""One chest under a sharp and a soft reconstruction kernel: findings are those of the soft one.

A kernel changes how much of a picture's finest structure is left, and with it what a network says
of the same patient. So the texture of soft tissue is measured where the network sees it, and slices
whose texture is finer than `SOFT` are smoothed until it is not. Bringing the energy of frequency
bands to that of one kernel is the idea of Gallardo-Estrella et al., European Radiology 26 (2016).
What is told of the smooth scan is which findings there are; where they lie is told of the scan as
it came, which shows small nodules better.
"""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.inference.network import windowed
from apps.report_gen.inference.shape import WINDOWS

SOFT: Final = 0.95
"""Texture at 1.6 mm a voxel; a soft-tissue kernel (Philips B) left 1.05 in the one chest, in two
kernels, that this was chosen on."""
WIDEST: Final = 1.25
"""Of the Gaussian, voxels: no scan is smoothed more."""
NARROWEST: Final = 0.25
"""A narrower one changes next to nothing."""
TISSUE_HU: Final = (-30.0, 110.0)
EDGE_HU: Final = 60.0
"""What differs more from the mean around it is an edge and no texture."""
EVERY: Final = 8
"""Slices of which one is measured."""
FEWEST: Final = 2_000
"""Voxels of soft tissue; of a scan with fewer nothing is known."""
HALVINGS: Final = 6


def softened(windows: Tensor) -> Tensor:
    """Windows [windows, D, H, W] of a scan as a soft kernel shows it; themselves if they are."""
    measured = hounsfield(windows[:, ::EVERY])
    width = needed(measured)
    if not width:
        return windows
    return windowed(smoothed(hounsfield(windows), width)[None])[0].to(windows.dtype)


def as_read(hu: Tensor) -> Tensor:
    """Windows [B, windows, D, H, W] of HU [B, D, H, W] on the network's grid, each softened."""
    return torch.stack([softened(each) for each in windowed(hu)])


def hounsfield(windows: Tensor) -> Tensor:
    """fp32 HU [D, H, W] of windows [windows, D, H, W], cut at the ends of the widest ones."""
    # From the widest to the narrowest: where that one is not cut it is the most exact.
    first, *others = sorted(range(len(WINDOWS)), key=lambda each: -WINDOWS[each][1])
    hu = _unwindowed(windows, first)
    for index in others:
        mine, share = _unwindowed(windows, index), windows[index]
        inside = (share > 0) & (share < 1)
        beyond = (share == 1) & (mine > hu)
        hu = torch.where(inside | beyond, mine, hu)
    return hu


def texture(hu: Tensor) -> float | None:
    """How fine soft tissue is grained in HU [D, H, W]: the size of what a mean over 3×3 voxels
    takes away over that of what one over 5×5 takes away besides. White noise has 3.5.

    None where there is too little soft tissue to tell.
    """
    fine, coarse = _mean(hu, 1), _mean(hu, 2)
    among = (coarse > TISSUE_HU[0]) & (coarse < TISSUE_HU[1]) & ((coarse - fine).abs() < EDGE_HU)
    finest, next_ = (hu - fine)[among].abs(), (fine - coarse)[among].abs()
    if len(finest) < FEWEST:
        return None
    return float(finest.median() / next_.median().clamp(min=1e-3))


def needed(hu: Tensor) -> float:
    """The Gaussian's width in voxels, in the plane, that makes HU [D, H, W] soft; 0 if they are."""
    now = texture(hu)
    if now is None or now <= SOFT:
        return 0.0
    low, high = 0.0, WIDEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        left = texture(smoothed(hu, middle))
        if left is not None and left > SOFT:
            low = middle
        else:
            high = middle
    return high if high >= NARROWEST else 0.0


def smoothed(hu: Tensor, width: float) -> Tensor:
    """HU [D, H, W] after a Gaussian `width` voxels wide along rows and columns, edges repeated."""
    reach = math.ceil(3 * width)
    weights = [math.exp(-((at / width) ** 2) / 2) for at in range(-reach, reach + 1)]
    total = sum(weights)
    for axis, pad in ((1, (0, 0, reach, reach)), (2, (reach, reach, 0, 0))):
        padded = F.pad(hu[None], pad, mode="replicate")[0]
        size = hu.shape[axis]
        made = torch.zeros_like(hu)
        for at, weight in enumerate(weights):
            made.add_(padded.narrow(axis, at, size), alpha=weight / total)
        hu = made
    return hu


def _unwindowed(windows: Tensor, index: int) -> Tensor:
    centre, width = WINDOWS[index]
    return windows[index].float() * width + (centre - width / 2)


def _mean(hu: Tensor, reach: int) -> Tensor:
    """The mean of each voxel's neighbours in its slice, `reach` of them on every side."""
    return F.avg_pool2d(hu[:, None], 2 * reach + 1, 1, reach, count_include_pad=False)[:, 0]
