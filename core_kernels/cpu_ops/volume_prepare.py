"""`volume_prepare` on a CPU: slice by slice over threads, each input voxel read where it lies."""

import numpy as np
import torch
from torch import Tensor

from core_kernels.compiling import compiled
from core_kernels.parts import in_parts
from core_kernels.structures.resampling import lines, taps


@compiled
def _slices(volume, first, z0, wz, y0, wy, x0, wx, factors, summands, made, begin, start, stop):
    """Resampled slices `start` to `stop` of `made` [windows, slices, H', W'], fp32."""
    height, width = volume.shape[1], volume.shape[2]
    plane, line = np.empty((height, width), np.float32), np.empty(width, np.float32)
    resampled = np.empty(made.shape[3], np.float32)
    for z in range(start, stop):
        base = z0[begin + z] - first
        for tap in range(wz.shape[1]):
            weight = wz[begin + z, tap]
            if weight == 0:
                continue
            for y in range(height):
                stored, summed = volume[base + tap, y], plane[y]
                if tap == 0:
                    for x in range(width):
                        summed[x] = stored[x] * weight
                else:
                    for x in range(width):
                        summed[x] += stored[x] * weight
        for y in range(made.shape[2]):
            for tap in range(wy.shape[1]):
                weight = wy[y, tap]
                if weight == 0:
                    continue
                summed = plane[y0[y] + tap]
                if tap == 0:
                    for x in range(width):
                        line[x] = summed[x] * weight
                else:
                    for x in range(width):
                        line[x] += summed[x] * weight
            for x in range(made.shape[3]):
                total = np.float32(0)
                for tap in range(wx.shape[0]):
                    total += line[min(x0[x] + tap, width - 1)] * wx[tap, x]
                resampled[x] = total
            for window in range(made.shape[0]):
                into, factor, summand = made[window, z, y], factors[window], summands[window]
                for x in range(made.shape[3]):
                    value = resampled[x] * factor + summand
                    into[x] = min(max(value, np.float32(0)), np.float32(1))


def volume_prepare(
    volume: Tensor, depth: int, first: int, scales: list[float], shape: list[int],
    start: int, slope: float, intercept: float, windows: list[float], dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    """As the reference, with sums in fp32."""
    told = np.array(lines(slope, intercept, windows), np.float32)
    made = np.empty((len(told), *shape), np.float32)
    axes = []
    for length, count, scale in (
        (depth, start + shape[0], scales[0]),
        (volume.shape[1], shape[1], scales[1]),
        (volume.shape[2], shape[2], scales[2]),
    ):
        at, weights = taps(length, count, scale)
        axes.append((at.numpy(), weights.float().numpy()))
    (z0, wz), (y0, wy), (x0, wx) = axes
    wx = np.ascontiguousarray(wx.T)
    stored = volume.contiguous().numpy()

    def run(begin: int, end: int) -> None:
        _slices(
            stored, first, z0, wz, y0, wy, x0, wx, told[:, 0].copy(), told[:, 1].copy(), made,
            start, begin, end,
        )  # fmt: skip

    in_parts(run, shape[0] if made.size else 0, least=1)
    return torch.from_numpy(made).to(dtype)
