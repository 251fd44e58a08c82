"""A CT volume to windows in one kernel: each program makes a block of a few resampled slices.

A slice's rows are summed as they are read, each row for all resampled rows that take it, and the
slice then goes into all resampled slices that take it: memory is read once, but for the edges of
blocks. Columns are resampled by a product on the tensor cores with a matrix that is spread out
from the short list of weights once a grid. The product takes its operands in two parts of fp16
each: 22 bits, which hold int16 exactly.
"""

from functools import lru_cache

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.structures.resampling import lines, matrix, taps
from core_kernels.tuning import Config, tuned

#: Resampled slices and rows of a program, columns of the volume that it takes, and how many slices
#: are on their way at a time.
_TILES = [
    Config(
        blocks=(("GROUP", group), ("OUT_Y", rows), ("IN_X", columns), ("AHEAD", ahead)),
        num_warps=warps,
    )
    for group, rows, columns, ahead, warps in (
        (4, 16, 64, 2, 4), (4, 16, 64, 1, 4), (4, 16, 128, 2, 8), (2, 32, 64, 2, 4),
        (2, 16, 64, 2, 4), (2, 16, 128, 2, 4), (1, 32, 64, 4, 4),
    )
]  # fmt: skip


@triton.jit
def _stacked(planes, GROUP: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """GROUP planes [ROWS, COLUMNS], one below the other."""
    if GROUP == 1:
        return planes[0]
    elif GROUP == 2:
        pair = tl.permute(tl.join(planes[0], planes[1]), (2, 0, 1))
        return tl.reshape(pair, (2 * ROWS, COLUMNS))
    else:
        tl.static_assert(GROUP == 4)
        four = tl.join(tl.join(planes[0], planes[1]), tl.join(planes[2], planes[3]))
        return tl.reshape(tl.permute(four, (3, 2, 0, 1)), (4 * ROWS, COLUMNS))


@triton.jit
def _prepare(
    volume, windows, firsts_z, weights_z, firsts_y, weights_y, bases_x, matrices_x, scaling,
    height, width, first, present, start, slices, rows, columns, step_x, count,
    TAPS_Z: tl.constexpr, TAPS_Y: tl.constexpr, OUT_Y: tl.constexpr, OUT_X: tl.constexpr,
    IN_X: tl.constexpr, GROUP: tl.constexpr, AHEAD: tl.constexpr, ALIGN: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(columns, step_x)
    block_x = tl.program_id(0) % across
    x, y = block_x * step_x, tl.program_id(0) // across * OUT_Y
    z = tl.program_id(1) * GROUP
    # Beyond the end the last row is made again; it is not kept.
    out_y = tl.minimum(y + tl.arange(0, OUT_Y), rows - 1)
    in_x = tl.load(bases_x + block_x) * ALIGN + tl.arange(0, IN_X)
    held = (in_x < width)[None, :]
    first_y = tl.load(firsts_y + out_y)
    weights, at = (), ()
    for tap in tl.static_range(TAPS_Y):
        weights = weights + (tl.load(weights_y + out_y * TAPS_Y + tap)[:, None],)  # type: ignore[assignment]
        # A list is filled up with zeros, and the rows behind it may not be there.
        in_y = tl.minimum(first_y + tap, height - 1)
        at = at + (in_y[:, None] * width + in_x[None, :],)  # type: ignore[assignment]
    planes = ()
    for _ in tl.static_range(GROUP):
        planes = planes + (tl.zeros([OUT_Y, IN_X], tl.float32),)  # type: ignore[assignment]
    begin = tl.load(firsts_z + start + z)
    end = tl.load(firsts_z + start + tl.minimum(z + GROUP, slices) - 1) + TAPS_Z
    for slice in tl.range(begin, end, loop_unroll_factor=AHEAD):
        one = volume + tl.minimum(slice - first, present - 1).to(tl.int64) * height * width
        plane = tl.load(one + at[0], held, 0).to(tl.float32) * weights[0]  # type: ignore[misc]
        for tap in tl.static_range(1, TAPS_Y):
            plane += tl.load(one + at[tap], held, 0).to(tl.float32) * weights[tap]
        added = ()
        for index in tl.static_range(GROUP):
            made = start + tl.minimum(z + index, slices - 1)
            tap_z = slice - tl.load(firsts_z + made)
            real = (tap_z >= 0) & (tap_z < TAPS_Z)
            weight = tl.load(weights_z + made * TAPS_Z + tap_z, real, 0.0)
            total = planes[index]  # type: ignore[var-annotated]
            if weight != 0.0:
                total += plane * weight
            added = added + (total,)  # type: ignore[assignment]
        planes = added
    matrix_x = matrices_x + block_x * (2 * IN_X * OUT_X)
    matrix_x += tl.arange(0, IN_X)[:, None] * OUT_X + tl.arange(0, OUT_X)[None, :]
    large_x, small_x = tl.load(matrix_x), tl.load(matrix_x + IN_X * OUT_X)
    stacked = _stacked(planes, GROUP, OUT_Y, IN_X)
    large = stacked.to(tl.float16)
    small = (stacked - large.to(tl.float32)).to(tl.float16)
    answer = tl.dot(large, small_x)
    answer = tl.dot(small, large_x, answer)
    answer = tl.dot(large, large_x, answer)
    line = tl.arange(0, GROUP * OUT_Y)
    to_z, to_y, to_x = z + line // OUT_Y, y + line % OUT_Y, tl.arange(0, OUT_X)
    made_x = (to_x < step_x) & (x + to_x < columns)
    made = ((to_z < slices) & (to_y < rows))[:, None] & made_x[None, :]
    to = (to_z.to(tl.int64) * rows + to_y)[:, None] * columns + (x + to_x)[None, :]
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
def _spread(
    device: torch.device, length: int, count: int, scale: float, step: int, into: int, align: int
) -> tuple[Tensor, Tensor]:
    """The weights of an axis in blocks of `step` resampled positions over `into` ones each.

    Returns:
        int32 [blocks], where a block's positions begin, in units of `align`; fp16 [blocks, 2,
        into, OUT]: the weights rounded, and what that left over.
    """
    bases = taps(length, count, scale)[0][::step] // align
    blocks = len(bases)
    whole = torch.zeros(blocks * step, max(length, int(bases[-1]) * align + into))
    whole[:count, :length] = matrix(length, count, scale)
    at = (bases * align)[:, None] + torch.arange(into)
    spread = torch.zeros(blocks, into, _width(step))
    for block in range(blocks):
        spread[block, :, :step] = whole[block * step :][:step, at[block]].T
    large = spread.half()
    parts = torch.stack([large, (spread - large.float()).half()], 1)
    return bases.int().to(device), parts.contiguous().to(device)


def _width(step: int) -> int:
    """Columns of a product that makes `step` of them."""
    return max(16, int(triton.next_power_of_2(step)))


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
    present, height, width = volume.shape
    slices, rows, columns = shape
    told = tuple(lines(slope, intercept, windows))
    made = torch.empty((len(told), slices, rows, columns), dtype=dtype, device=device)
    if not made.numel():
        return made
    axis_z = _on(device, depth, start + slices, scales[0])
    axis_y = _on(device, height, rows, scales[1])
    taps_z, taps_y = axis_z[1].shape[1], axis_y[1].shape[1]
    taps_x = taps(width, columns, scales[2])[1].shape[1]
    scaling = _scaling(device, told)
    align = 8 if width % 8 == 0 and volume.data_ptr() % 16 == 0 else 1

    def launch(config: Config) -> None:
        blocks = dict(config.blocks)
        group, out_y = blocks["GROUP"], blocks["OUT_Y"]
        in_x = max(blocks["IN_X"], triton.next_power_of_2(taps_x + align + 1))
        step_x = _fitting(in_x, taps_x, scales[2], align - 1, in_x)
        axis_x = _spread(device, width, columns, scales[2], step_x, in_x, align)
        grid = (triton.cdiv(columns, step_x) * triton.cdiv(rows, out_y), triton.cdiv(slices, group))
        _prepare[grid](
            volume, made, *axis_z, *axis_y, *axis_x, scaling,
            height, width, first, present, start, slices, rows, columns, step_x, len(told),
            TAPS_Z=taps_z, TAPS_Y=taps_y, OUT_X=_width(step_x), ALIGN=align,
            **{**config.launch(), "IN_X": in_x},
        )  # fmt: skip

    key = f"{height}×{width} to {rows}×{columns} taps {taps_z} {taps_y} {taps_x} {dtype}"
    launch(tuned("volume_prepare", key, _TILES, device, launch))
    return made
