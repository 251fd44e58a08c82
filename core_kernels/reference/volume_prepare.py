"""A CT volume to windows of Hounsfield units on another grid: the formula.

The filter is that of `structures.resampling`.
"""

import torch
from torch import Tensor

from core_kernels.structures.resampling import lines, matrix


def volume_prepare(
    volume: Tensor, depth: int, first: int, scales: list[float], shape: list[int],
    start: int, slope: float, intercept: float, windows: list[float], dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    """``HU = value · slope + intercept``, resampled; each window cut and scaled to 0..1.

    Computed in float64.

    Args:
        volume: int16 [d, H, W], slices `first` to ``first + d`` of a volume of `depth` slices.
        scales: voxels of the volume in one resampled voxel, along z, y and x.
        shape: slices to make, and the resampled height and width.
        start: the first resampled slice to make.
        windows: centre, width, centre, width, … in HU.

    Returns:
        [windows, shape...] in `dtype`: 0 at ``centre − width / 2`` and below, 1 at
        ``centre + width / 2`` and above.
    """
    along_z = matrix(depth, start + shape[0], scales[0])[start:, first : first + len(volume)]
    along_y = matrix(volume.shape[1], shape[1], scales[1])
    along_x = matrix(volume.shape[2], shape[2], scales[2])
    stored = volume.double()
    for weights in (along_z, along_y, along_x):  # each turn resamples one axis and brings the next
        stored = torch.tensordot(stored, weights.to(volume.device), ([0], [1]))
    made = [stored * factor + summand for factor, summand in lines(slope, intercept, windows)]
    return torch.stack(made).clamp(0, 1).to(dtype)
