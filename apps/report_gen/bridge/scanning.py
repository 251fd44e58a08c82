"""What a scan does to a small thing in it: how far it blurs.

The blur is read off the scan itself. Across an edge of height H a Gaussian of spread σ has the
steepest slope H / (σ √(2π)); skin against air and lung against vessels are such edges.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.volume import Volume

EDGE: Final = (600.0, 1500.0)
"""HU between both sides of what counts as an edge of soft tissue and air."""
REACH: Final = 3
"""Voxels to each side over which an edge's height is taken."""
SHARPEST: Final = 0.9
"""The quantile of slopes that counts as unbroken by what lies beside it."""
LARGEST: Final = 1.5
"""mm; smoother than any kernel of the lung."""


def blur_mm(volume: Volume) -> float:
    """Spread of the scan's blur within a slice, mm; at least 0.4 of a pixel.

    Measured along the rows of the middle third of the slices.
    """
    depth = len(volume.hu)
    part = volume.hu[depth // 3 : max(depth // 3 + 1, 2 * depth // 3) : 2].astype(np.float32)
    pixel = volume.spacing[2]
    least = 0.4 * pixel
    if part.shape[2] <= 2 * REACH + 2:
        return least
    height = np.abs(part[..., 2 * REACH :] - part[..., : -2 * REACH])
    slope = np.abs(part[..., REACH + 1 : -REACH + 1] - part[..., REACH - 1 : -REACH - 1]) / (
        2 * pixel
    )
    chosen = (height > EDGE[0]) & (height < EDGE[1]) & (slope > 0)
    if not chosen.any():
        return least
    steep = _steepest(slope, height, chosen)
    whole = 1 / (steep * math.sqrt(2 * math.pi))
    # A slope over two pixels is itself a mean over them, of the variance (2 · pixel)² / 12.
    own = math.sqrt(max(0.0, whole**2 - pixel**2 / 3))
    return float(np.clip(own, least, LARGEST))


def _steepest(
    slope: NDArray[np.float32], height: NDArray[np.float32], chosen: NDArray[np.bool_]
) -> float:
    """Slope over height of the sharp edges, 1/mm."""
    return float(np.quantile(slope[chosen] / height[chosen], SHARPEST))
