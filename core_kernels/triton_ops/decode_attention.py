"""Attention to a cache, split over its length.

One program takes `CHUNK` rows of one head's cache, whatever the batch and the device: a sequence's
sums have the same order wherever it runs beside others. A cache of one chunk is done in one launch;
parts of several are joined by a second kernel in the order of the cache (Dao et al., 2023,
Flash-Decoding; the softmax works in base 2). With one query there is no product of matrices: the
cache is read once, at the rate of the memory, and summed in fp32. Queries that share a cache go
through `decode_attention_groups`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.triton_ops.decode_attention_groups import ROWS, part_of_group
from core_kernels.tuning import Config, tuned

#: Rows of the cache that one program takes.
CHUNK = 256

#: Rows that it takes at a time.
_STEPS = [
    Config(blocks=(("STEP", rows),), num_warps=warps, num_stages=stages)
    for rows, warps, stages in (
        (64, 4, 2), (128, 4, 2), (256, 8, 1), (128, 8, 2), (64, 2, 3), (32, 4, 3), (64, 8, 3),
    )
]  # fmt: skip

_LOG2E = 1.4426950408889634


@triton.jit
def _opened(gate, at, held, shut):
    logits = tl.load(gate + at, held, 0.0).to(tl.float32)
    opened = 1.0 / (1.0 + tl.exp2(-logits * 1.4426950408889634))
    return tl.where(opened < shut, 0.0, opened)


@triton.jit
def _part(
    q, keys, values, lengths, gate, key_scales, value_scales, out, sums, highest, totals,
    q_batch, q_head, gate_batch, gate_head,
    k_batch, k_head, k_step, v_batch, v_head, v_step,
    ks_batch, ks_head, ks_step, vs_batch, vs_head, vs_step,
    heads, group, capacity, width, splits, factor, shut,
    GATE: tl.constexpr, CHANNEL: tl.constexpr, SCALED: tl.constexpr, ALONE: tl.constexpr,
    SIZE: tl.constexpr, STEP: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    split = tl.program_id(0)
    place = tl.program_id(1)
    batch = (place // heads).to(tl.int64)
    head = ((place % heads) // group).to(tl.int64)
    dim = tl.arange(0, DIM)
    held = dim < width
    length = tl.minimum(tl.load(lengths + batch).to(tl.int32), capacity)
    start = split * SIZE
    stop = tl.minimum(start + SIZE, length)
    if GATE:
        gate += batch * gate_batch + (place % heads) * gate_head
        opened = _opened(gate, dim if CHANNEL else dim * 0, held, shut)
        # What is not a number counts as awake, so that it comes out as what it is.
        stop = start + (stop - start) * tl.max(tl.where(held & (opened != 0.0), 1, 0), 0)
    q += batch * q_batch + (place % heads) * q_head
    query = tl.load(q + dim, held, 0.0).to(tl.float32) * factor
    keys += batch * k_batch + head * k_head
    values += batch * v_batch + head * v_head
    if SCALED:
        key_scales += batch * ks_batch + head * ks_head
        value_scales += batch * vs_batch + head * vs_head
    answer = tl.zeros([DIM], tl.float32)
    # Scalars that change in the loop start as tensors.
    total = tl.sum(answer, 0)
    most = total - float("inf")
    for first in tl.range(start, stop, STEP):
        row = first + tl.arange(0, STEP)
        there = row < stop
        inside = there[:, None] & held[None, :]
        far = row[:, None].to(tl.int64)
        key = tl.load(keys + far * k_step + dim[None, :], inside, 0.0).to(tl.float32)
        # Asked for here, so that it is on its way while the scores are summed.
        value = tl.load(values + far * v_step + dim[None, :], inside, 0.0).to(tl.float32)
        scores = tl.sum(key * query[None, :], 1)
        if SCALED:
            scores *= tl.load(key_scales + row * ks_step, there, 0.0).to(tl.float32)
        scores = tl.where(there, scores, float("-inf"))
        top = tl.maximum(most, tl.max(scores, 0))
        weights = tl.exp2(scores - top)
        faded = tl.exp2(most - top)
        total = total * faded + tl.sum(weights, 0)
        if SCALED:
            weights *= tl.load(value_scales + row * vs_step, there, 0.0).to(tl.float32)
        answer = answer * faded + tl.sum(weights[:, None] * value, 0)
        most = top
    if ALONE:
        answer = answer / tl.where(total == 0.0, 1.0, total)
        if GATE:
            answer *= opened
        tl.store(out + place * width + dim, answer.to(out.dtype.element_ty), held)
    else:
        at = place * splits + split
        tl.store(sums + at.to(tl.int64) * width + dim, answer, held)
        tl.store(highest + at, most)
        tl.store(totals + at, total)


@triton.jit
def _join(
    gate, out, sums, highest, totals, gate_batch, gate_head, heads, width, splits, shut,
    GATE: tl.constexpr, CHANNEL: tl.constexpr, SPLITS: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    place = tl.program_id(0)
    dim = tl.arange(0, DIM)
    held = dim < width
    each = tl.arange(0, SPLITS)
    tops = tl.load(highest + place * splits + each, each < splits, float("-inf"))
    top = tl.max(tops, 0)
    top = tl.where(top == float("-inf"), 0.0, top)
    parts = tl.load(totals + place * splits + each, each < splits, 0.0)
    total = tl.sum(parts * tl.exp2(tops - top), 0)
    answer = tl.zeros([DIM], tl.float32)
    for split in tl.range(0, splits):
        at = place * splits + split
        factor = tl.exp2(tl.load(highest + at) - top)
        answer += tl.load(sums + at * width + dim, held, 0.0) * factor
    answer = answer / tl.where(total == 0.0, 1.0, total)
    if GATE:
        gate += (place // heads).to(tl.int64) * gate_batch + (place % heads) * gate_head
        answer *= _opened(gate, dim if CHANNEL else dim * 0, held, shut)
    tl.store(out + place * width + dim, answer.to(out.dtype.element_ty), held)


def _fitting(dim: int) -> list[Config]:
    """Those whose rows a program can hold in registers."""
    return [one for one in _STEPS if dict(one.blocks)["STEP"] * dim <= 64 * 256]


def decode_attention(
    q: Tensor, keys: Tensor, values: Tensor, lengths: Tensor, gate: Tensor | None,
    key_scales: Tensor | None, value_scales: Tensor | None, scale: float, shut: float,
) -> Tensor:  # fmt: skip
    """As the reference."""
    q, keys, values = (
        part if part.stride(-1) == 1 else part.contiguous() for part in (q, keys, values)
    )
    batch, heads, width = q.shape
    capacity = keys.shape[2]
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    if not q.numel():
        return out
    splits = max(1, triton.cdiv(capacity, CHUNK))
    dim = triton.next_power_of_2(width)
    alone, scaled = splits == 1, key_scales is not None
    places = batch * heads
    parts = 0 if alone else places * splits
    wide = {"dtype": torch.float32, "device": q.device}
    sums, highest, totals = (
        torch.empty(size, **wide)  # type: ignore[call-overload]
        for size in (parts * width, parts, parts)
    )
    opening = q if gate is None else gate
    channel = gate is not None and gate.shape[-1] != 1
    if channel and opening.stride(-1) != 1:
        opening = opening.contiguous()
    scales = (
        (key_scales, value_scales, *key_scales.stride(), *value_scales.stride())
        if key_scales is not None and value_scales is not None
        else (q, q, 0, 0, 0, 0, 0, 0)
    )
    group = heads // keys.shape[1]
    grouped = group > 1
    if grouped:
        dim = max(dim, ROWS)

    def launch(config: Config) -> None:
        more = {"ROWS": max(ROWS, triton.next_power_of_2(group))} if grouped else {}
        (part_of_group if grouped else _part)[(splits, places // group)](
            q, keys, values, lengths, opening, *scales[:2], out, sums, highest, totals,
            *q.stride()[:2], *opening.stride()[:2],
            *keys.stride()[:3], *values.stride()[:3], *scales[2:],
            heads, group, capacity, width, splits, scale * _LOG2E, shut,
            GATE=gate is not None, CHANNEL=channel, SCALED=scaled, ALONE=alone,
            SIZE=CHUNK, DIM=dim, **more, **config.launch(),
        )  # fmt: skip

    # Without the batch: beside others a sequence is summed in the order that it has alone.
    key = f"{q.dtype} {keys.dtype} {dim} {grouped=} {min(triton.next_power_of_2(capacity), 4096)}"
    launch(tuned("decode_attention", key, _fitting(dim), q.device, launch))
    if not alone:
        _join[(places,)](
            opening, out, sums, highest, totals, *opening.stride()[:2], heads, width, splits, shut,
            GATE=gate is not None, CHANNEL=channel, SPLITS=triton.next_power_of_2(splits), DIM=dim,
            num_warps=2,
        )  # fmt: skip
    return out
