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
    RMS: tl.constexpr, BIAS: tl.constexpr, KEEP: tl.constexpr,
    COLUMNS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, COLUMNS)
    held = column < width
    inside = (row[:, None] < rows) & held[None, :]
    at = row[:, None] * width + column[None, :]
    # Read once: these lines leave the L2 first. Weight and bias are every program's.
    added = tl.load(x + at, inside, 0.0, eviction_policy="evict_first").to(tl.float32)
    added += tl.load(residual + at, inside, 0.0, eviction_policy="evict_first").to(tl.float32)
    # Asked for before the reductions, so that their latency passes meanwhile.
    factor = tl.load(weight + column, held, 0.0, eviction_policy="evict_last").to(tl.float32)
    if BIAS:
        offset = tl.load(bias + column, held, 0.0, eviction_policy="evict_last").to(tl.float32)
    stored = added.to(total.dtype.element_ty)
    tl.store(total + at, stored, inside)
    values = stored.to(tl.float32)
    if not RMS:
        mean = tl.sum(values, 1) / width
        values = tl.where(inside, values - mean[:, None], 0.0)
        if KEEP:
            tl.store(means + row, mean, row < rows)
    elif KEEP:
        tl.store(means + row, tl.zeros([ROWS], tl.float32), row < rows)
    scale = 1.0 / tl.sqrt(tl.sum(values * values, 1) / width + eps)
    if KEEP:
        tl.store(scales + row, scale, row < rows)
    answer = values * scale[:, None] * factor[None, :]
    if BIAS:
        answer += offset[None, :]
    tl.store(normed + at, answer.to(normed.dtype.element_ty), inside)


@triton.jit
def _backward(
    d_normed, d_total, total, weight, means, scales, d_sum, d_weight, d_bias, rows, width, stride,
    RMS: tl.constexpr, BIAS: tl.constexpr, TOTAL: tl.constexpr,
    COLUMNS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    column = tl.arange(0, COLUMNS)
    held = column < width
    factor = tl.load(weight + column, held, 0.0).to(tl.float32)
    # Sums stay apart for each row of the tile until the end: no exchange between warps in the loop.
    weight_part = tl.zeros([ROWS, COLUMNS], tl.float32)
    bias_part = tl.zeros([ROWS, COLUMNS], tl.float32)
    first = program.to(tl.int64) * ROWS  # range() would count in plain int in the interpreter
    while first < rows:
        row = first + tl.arange(0, ROWS)
        there = row < rows
        inside = there[:, None] & held[None, :]
        at = row[:, None] * width + column[None, :]
        value = tl.load(total + at, inside, 0.0, eviction_policy="evict_first").to(tl.float32)
        given = tl.load(d_normed + at, inside, 0.0, eviction_policy="evict_first").to(tl.float32)
        scale = tl.load(scales + row, there, 0.0)
        if not RMS:
            value = tl.where(inside, value - tl.load(means + row, there, 0.0)[:, None], 0.0)
        value *= scale[:, None]
        weight_part += given * value
        if BIAS:
            bias_part += given
        given *= factor[None, :]
        answer = given - value * (tl.sum(given * value, 1) / width)[:, None]
        if not RMS:
            answer -= (tl.sum(given, 1) / width)[:, None]
        answer *= scale[:, None]
        if TOTAL:
            passed = tl.load(d_total + at, inside, 0.0, eviction_policy="evict_first")
            answer += passed.to(tl.float32)
        tl.store(d_sum + at, answer.to(d_sum.dtype.element_ty), inside)
        first += stride * ROWS
    tl.store(d_weight + program * width + column, tl.sum(weight_part, 0), held)
    if BIAS:
        tl.store(d_bias + program * width + column, tl.sum(bias_part, 0), held)


def add_norm(
    x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor | None, eps: float, rms: bool,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    width = x.shape[-1]
    rows = x.numel() // width if width else 0
    flat, added = x.contiguous(), residual.contiguous()
    normed, total = torch.empty_like(flat), torch.empty_like(flat)
    means = torch.empty(rows if keep else 0, dtype=torch.float32, device=x.device)
    scales = torch.empty_like(means)
    if rows == 0:
        return normed, total, means, scales
    columns = triton.next_power_of_2(width)

    def launch(config: Config) -> None:
        per_program = dict(config.blocks)["ROWS"]
        _forward[(triton.cdiv(rows, per_program),)](
            flat, added, weight, weight if bias is None else bias, normed, total, means, scales,
            rows, width, eps, RMS=rms, BIAS=bias is not None, KEEP=keep, COLUMNS=columns,
            **config.launch(),
        )  # fmt: skip

    launch(tuned("add_norm", f"{columns} {x.dtype}", _FORWARD, x.device, launch))
    return normed, total, means, scales


def add_norm_backward(
    d_normed: Tensor, d_total: Tensor | None, total: Tensor, weight: Tensor, means: Tensor,
    scales: Tensor, bias: bool, rms: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    width = total.shape[-1]
    rows = scales.numel()
    d_sum = torch.empty_like(total)
    columns = triton.next_power_of_2(max(width, 1))
    # About 4096 elements a tile: enough bytes under way, few enough registers for two sums.
    tile = max(1, min(4096 // columns, 8))
    programs = max(1, min(triton.cdiv(rows, tile), _programs(total.device)))
    parts = torch.zeros((2, programs, width), dtype=torch.float32, device=total.device)
    if rows:
        _backward[(programs,)](
            d_normed.contiguous(), d_normed if d_total is None else d_total.contiguous(), total,
            weight, means, scales, d_sum, parts[0], parts[1], rows, width, programs,
            RMS=rms, BIAS=bias, TOTAL=d_total is not None, COLUMNS=columns, ROWS=tile,
            num_warps=4 if columns * tile <= 2048 else 8 if columns <= 8192 else 16,
        )  # fmt: skip
    return d_sum, parts[0].sum(0).to(weight.dtype), parts[1].sum(0).to(weight.dtype)


def _programs(device: torch.device) -> int:
    """Enough to fill the device, few enough that each sums over many rows."""
    if device.type != "cuda":
        return 4
    return 4 * torch.cuda.get_device_properties(device).multi_processor_count
