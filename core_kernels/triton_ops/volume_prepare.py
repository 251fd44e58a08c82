"""A CT volume to windows in one kernel: each program makes a block of one resampled slice.

The slices that the block needs are summed as they are read; rows and columns are then resampled by
two small matrix products on the tensor cores, whose matrices are spread out from the short lists
of weights. Products take their operands in three parts of TF32, which is as exact as fp32.
"""

from functools import lru_cache

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.structures.resampling import lines, taps
from core_kernels.tuning import Config, tuned

#: Rows and columns of the volume that a program takes at a time.
_TILES = [
    Config(blocks=(("IN_X", columns), ("IN_Y", rows)), num_warps=warps, num_stages=stages)
    for rows, columns, warps, stages in (
        (64, 128, 8, 2), (64, 128, 4, 2), (32, 128, 4, 2), (64, 64, 4, 2), (32, 64, 4, 2),
        (128, 64, 8, 2), (64, 128, 8, 3),
    )
]  # fmt: skip


@triton.jit
def _spread(firsts, weights, begin, count, base, TAPS: tl.constexpr, OUT: tl.constexpr,
            IN: tl.constexpr):  # fmt: skip
    """The weights of OUT resampled positions from `begin` on over IN positions from `base` on."""
    out = begin + tl.arange(0, OUT)
    made = tl.arange(0, OUT) < count
    tap = (base + tl.arange(0, IN))[None, :] - tl.load(firsts + out, made, 0)[:, None]
    real = made[:, None] & (tap >= 0) & (tap < TAPS)
    return tl.load(weights + out[:, None] * TAPS + tap, real, 0.0)


@triton.jit
def _prepare(
    volume, windows, firsts_z, weights_z, firsts_y, weights_y, firsts_x, weights_x, scaling,
    depth, height, width, first, start, slices, rows, columns, step_y, step_x, count,
    TAPS_Z: tl.constexpr, TAPS_Y: tl.constexpr, TAPS_X: tl.constexpr, ALIGN: tl.constexpr,
    OUT_Y: tl.constexpr, OUT_X: tl.constexpr, IN_X: tl.constexpr, IN_Y: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(columns, step_x)
    x = (tl.program_id(0) % across) * step_x
    y = (tl.program_id(0) // across) * step_y
    z = tl.program_id(1)
    make_x, make_y = tl.minimum(columns - x, step_x), tl.minimum(rows - y, step_y)
    base_x = tl.load(firsts_x + x) // ALIGN * ALIGN  # so that rows are read in wide words
    base_y = tl.load(firsts_y + y)
    in_y, in_x = base_y + tl.arange(0, IN_Y), base_x + tl.arange(0, IN_X)
    at = in_y[:, None] * width + in_x[None, :]
    base_z = tl.load(firsts_z + start + z)
    plane = tl.zeros([IN_Y, IN_X], tl.float32)
    # Unrolled, so that the slices' loads are on their way side by side.
    for tap in tl.range(TAPS_Z, loop_unroll_factor=4):
        weight = tl.load(weights_z + (start + z) * TAPS_Z + tap)
        # A list is filled up with zeros, and the slices behind it may not be there.
        real_width = tl.where(weight != 0.0, width, 0)
        held = (in_y < height)[:, None] & (in_x < real_width)[None, :]
        slice_at = (base_z + tap - first).to(tl.int64) * height * width
        plane += tl.load(volume + slice_at + at, held, 0).to(tl.float32) * weight
    by_y = _spread(firsts_y, weights_y, y, make_y, base_y, TAPS_Y, OUT_Y, IN_Y)
    by_x = _spread(firsts_x, weights_x, x, make_x, base_x, TAPS_X, OUT_X, IN_X)
    answer = tl.dot(by_y, plane, input_precision="tf32x3")
    answer = tl.dot(answer, tl.trans(by_x), input_precision="tf32x3")
    out_y, out_x = tl.arange(0, OUT_Y), tl.arange(0, OUT_X)
    made = (out_y < make_y)[:, None] & (out_x < make_x)[None, :]
    to = z.to(tl.int64) * rows * columns + (y + out_y)[:, None] * columns + (x + out_x)[None, :]
    each = tl.cast(slices, tl.int64) * rows * columns
    window = count * 0
    while window < count:
        value = answer * tl.load(scaling + 2 * window) + tl.load(scaling + 2 * window + 1)
        value = tl.minimum(tl.maximum(value, 0.0), 1.0)
        into = windows + window.to(tl.int64) * each + to
        tl.store(into, value.to(windows.dtype.element_ty), made)
        window += 1


@lru_cache(maxsize=64)
def _on(device: torch.device, length: int, count: int, scale: float) -> tuple[Tensor, Tensor]:
    """The lists of an axis on the device: int32 [count], fp32 [count, T]."""
    first, weights = taps(length, count, scale)
    return first.int().to(device), weights.float().contiguous().to(device)


@lru_cache(maxsize=64)
def _scaling(device: torch.device, told: tuple[tuple[float, float], ...]) -> Tensor:
    return torch.tensor(told, dtype=torch.float32, device=device)


def _fitting(into: int, taps: int, scale: float, spare: int, most: int) -> int:
    """How many resampled positions have all their taps in `into` ones, `spare` of them unused."""
    fit = int((into - spare - taps - 1) / scale) + 1
    return max(1, min(fit, most))


def volume_prepare(
    volume: Tensor, depth: int, first: int, scales: list[float], shape: list[int],
    start: int, slope: float, intercept: float, windows: list[float], dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    """As the reference, with sums in fp32."""
    device = volume.device
    volume = volume.contiguous()
    _, height, width = volume.shape
    slices, rows, columns = shape
    told = tuple(lines(slope, intercept, windows))
    made = torch.empty((len(told), slices, rows, columns), dtype=dtype, device=device)
    if not made.numel():
        return made
    axis_z = _on(device, depth, start + slices, scales[0])
    axis_y = _on(device, height, rows, scales[1])
    axis_x = _on(device, width, columns, scales[2])
    taps_z, taps_y, taps_x = (axis[1].shape[1] for axis in (axis_z, axis_y, axis_x))
    scaling = _scaling(device, told)
    align = 8 if width % 8 == 0 and volume.data_ptr() % 16 == 0 else 1

    def launch(config: Config) -> None:
        blocks = dict(config.blocks)
        in_y = max(blocks["IN_Y"], triton.next_power_of_2(taps_y + 1))
        in_x = max(blocks["IN_X"], triton.next_power_of_2(taps_x + align + 1))
        step_y = _fitting(in_y, taps_y, scales[1], 0, in_y)
        step_x = _fitting(in_x, taps_x, scales[2], align - 1, in_x)
        _prepare[(triton.cdiv(columns, step_x) * triton.cdiv(rows, step_y), slices)](
            volume, made, *axis_z, *axis_y, *axis_x, scaling,
            depth, height, width, first, start, slices, rows, columns, step_y, step_x, len(told),
            TAPS_Z=taps_z, TAPS_Y=taps_y, TAPS_X=taps_x, ALIGN=align,
            OUT_Y=max(16, triton.next_power_of_2(step_y)),
            OUT_X=max(16, triton.next_power_of_2(step_x)),
            **{**config.launch(), "IN_Y": in_y, "IN_X": in_x},
        )  # fmt: skip

    key = f"{height}×{width} to {rows}×{columns} taps {taps_z} {taps_y} {taps_x} {dtype}"
    launch(tuned("volume_prepare", key, _TILES, device, launch))
    return made
