"""Residual addition and normalisation in one pass: each element is read once and written twice.

One program holds whole rows in registers, so the statistics need no second read. The backward pass
keeps per-program partial sums for weight and bias and reduces them in a fixed order: its results
are the same bit for bit from run to run on one device.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.tuning import Config, tuned

_FORWARD = [
    Config(blocks=(("ROWS", rows),), num_warps=warps)
    for rows, warps in ((1, 4), (1, 8), (2, 4), (2, 8), (4, 4), (4, 8), (1, 16))
]


@triton.jit
def _forward(
    x, residual, weight, bias, normed, total, means, scales, rows, width, eps,
    RMS: tl.constexpr, BIAS: tl.constexpr, STATISTICS: tl.constexpr,
    COLUMNS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, COLUMNS)
    inside = (row[:, None] < rows) & (column[None, :] < width)
    at = row[:, None] * width + column[None, :]
    added = tl.load(x + at, inside, 0.0).to(tl.float32)
    added += tl.load(residual + at, inside, 0.0).to(tl.float32)
    stored = added.to(total.dtype.element_ty)
    tl.store(total + at, stored, inside)
    values = stored.to(tl.float32)
    if not RMS:
        mean = tl.sum(values, 1) / width
        values = tl.where(inside, values - mean[:, None], 0.0)
        if STATISTICS:
            tl.store(means + row, mean, row < rows)
    scale = 1.0 / tl.sqrt(tl.sum(values * values, 1) / width + eps)
    if STATISTICS:
        tl.store(scales + row, scale, row < rows)
    answer = values * scale[:, None]
    answer *= tl.load(weight + column, column < width, 0.0).to(tl.float32)[None, :]
    if BIAS:
        answer += tl.load(bias + column, column < width, 0.0).to(tl.float32)[None, :]
    tl.store(normed + at, answer.to(normed.dtype.element_ty), inside)


@triton.jit
def _backward(
    d_normed, d_total, total, weight, means, scales, d_sum, d_weight, d_bias, rows, width, stride,
    RMS: tl.constexpr, BIAS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    column = tl.arange(0, COLUMNS)
    held = column < width
    scaled = tl.load(weight + column, held, 0.0).to(tl.float32)
    weight_part = tl.zeros([COLUMNS], tl.float32)
    bias_part = tl.zeros([COLUMNS], tl.float32)
    row = program.to(tl.int64)  # a loop over range() would count in plain int in the interpreter
    while row < rows:
        at = row * width + column
        value = tl.load(total + at, held, 0.0).to(tl.float32)
        scale = tl.load(scales + row)
        if not RMS:
            value = tl.where(held, value - tl.load(means + row), 0.0)
        value *= scale
        given = tl.load(d_normed + at, held, 0.0).to(tl.float32)
        weight_part += given * value
        if BIAS:
            bias_part += given
        given *= scaled
        answer = given - value * (tl.sum(given * value, 0) / width)
        if not RMS:
            answer -= tl.sum(given, 0) / width
        answer = answer * scale + tl.load(d_total + at, held, 0.0).to(tl.float32)
        tl.store(d_sum + at, answer.to(d_sum.dtype.element_ty), held)
        row += stride
    tl.store(d_weight + program * width + column, weight_part, held)
    if BIAS:
        tl.store(d_bias + program * width + column, bias_part, held)


def add_norm(
    x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor | None, eps: float, rms: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As the reference, and with them the means and reciprocal deviations [rows] for backward."""
    width = x.shape[-1]
    rows = x.numel() // width if width else 0
    flat, added = x.contiguous(), residual.contiguous()
    normed, total = torch.empty_like(flat), torch.empty_like(flat)
    means = torch.empty(rows, dtype=torch.float32, device=x.device)
    scales = torch.empty_like(means)
    if rows == 0:
        return normed, total, means, scales
    columns = triton.next_power_of_2(width)

    def launch(config: Config) -> None:
        per_program = dict(config.blocks)["ROWS"]
        _forward[(triton.cdiv(rows, per_program),)](
            flat, added, weight, weight if bias is None else bias, normed, total, means, scales,
            rows, width, eps, RMS=rms, BIAS=bias is not None, STATISTICS=True, COLUMNS=columns,
            **config.launch(),
        )  # fmt: skip

    launch(tuned("add_norm", f"{columns} {x.dtype}", _FORWARD, x.device, launch))
    return normed, total, means, scales


def add_norm_backward(
    d_normed: Tensor, d_total: Tensor, total: Tensor, weight: Tensor, means: Tensor, scales: Tensor,
    bias: bool, rms: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of the sum [..., D], of the weight [D] and of the bias [D] (zeros without one)."""
    width = total.shape[-1]
    rows = scales.numel()
    d_sum = torch.empty_like(total)
    programs = min(rows, _programs(total.device))
    parts = torch.zeros((2, max(programs, 1), width), dtype=torch.float32, device=total.device)
    if rows:
        _backward[(programs,)](
            d_normed.contiguous(), d_total.contiguous(), total, weight, means, scales,
            d_sum, parts[0], parts[1], rows, width, programs, RMS=rms, BIAS=bias,
            COLUMNS=triton.next_power_of_2(width), num_warps=4 if width <= 2048 else 8,
        )  # fmt: skip
    return d_sum, parts[0].sum(0).to(weight.dtype), parts[1].sum(0).to(weight.dtype)


def _programs(device: torch.device) -> int:
    """Enough to fill the device twice, so that each sums over many rows."""
    if device.type != "cuda":
        return 4
    return 2 * torch.cuda.get_device_properties(device).multi_processor_count
