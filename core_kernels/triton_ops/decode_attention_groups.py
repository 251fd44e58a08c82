"""Attention to a cache whose heads are shared by groups of queries: products of matrices.

The queries of a group are the rows of one matrix, filled up to 16, so a cached row is read once for
all of them and multiplied on the tensor cores. Otherwise as `decode_attention`.
"""

import triton
import triton.language as tl

#: Rows of the smallest product of matrices.
ROWS = 16


@triton.jit
def part_of_group(
    q, keys, values, lengths, gate, key_scales, value_scales, out, sums, highest, totals,
    q_batch, q_head, gate_batch, gate_head,
    k_batch, k_head, k_step, v_batch, v_head, v_step,
    ks_batch, ks_head, ks_step, vs_batch, vs_head, vs_step,
    heads, group, capacity, width, splits, factor, shut,
    GATE: tl.constexpr, CHANNEL: tl.constexpr, SCALED: tl.constexpr, ALONE: tl.constexpr,
    SIZE: tl.constexpr, STEP: tl.constexpr, DIM: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """One part of the cache of one group: its answer, or its sums for `_join`."""
    split = tl.program_id(0)
    shared = heads // group
    batch = (tl.program_id(1) // shared).to(tl.int64)
    head = (tl.program_id(1) % shared).to(tl.int64)
    member = tl.arange(0, ROWS)
    dim = tl.arange(0, DIM)
    real, held = member < group, dim < width
    inside = real[:, None] & held[None, :]
    which = head * group + member
    length = tl.minimum(tl.load(lengths + batch).to(tl.int32), capacity)
    start = split * SIZE
    stop = tl.minimum(start + SIZE, length)
    if GATE:
        each = dim if CHANNEL else dim * 0
        at = batch * gate_batch + which[:, None] * gate_head + each[None, :]
        logits = tl.load(gate + at, inside, 0.0).to(tl.float32)
        opened = 1.0 / (1.0 + tl.exp2(-logits * 1.4426950408889634))
        opened = tl.where(opened < shut, 0.0, opened)
        # What is not a number counts as awake, so that it comes out as what it is.
        awake = tl.max(tl.max(tl.where(inside & (opened != 0.0), 1, 0), 1), 0)
        stop = start + (stop - start) * awake
    query = tl.load(q + batch * q_batch + which[:, None] * q_head + dim[None, :], inside, 0.0)
    keys += batch * k_batch + head * k_head
    values += batch * v_batch + head * v_head
    if SCALED:
        key_scales += batch * ks_batch + head * ks_head
        value_scales += batch * vs_batch + head * vs_head
    answer = tl.zeros([ROWS, DIM], tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    most = tl.full([ROWS], float("-inf"), tl.float32)
    for first in tl.range(start, stop, STEP):
        row = first + tl.arange(0, STEP)
        there = row < stop
        far = row.to(tl.int64)
        key_at = keys + far[None, :] * k_step + dim[:, None]
        key = tl.load(key_at, there[None, :] & held[:, None], 0.0).to(query.dtype)
        value_at = values + far[:, None] * v_step + dim[None, :]
        value = tl.load(value_at, there[:, None] & held[None, :], 0.0)
        scores = tl.dot(query, key, input_precision="ieee") * factor
        if SCALED:
            scores *= tl.load(key_scales + row * ks_step, there, 0.0).to(tl.float32)[None, :]
            scale = tl.load(value_scales + row * vs_step, there, 0.0).to(tl.float32)
            value = value.to(tl.float32) * scale[:, None]
        scores = tl.where(there[None, :], scores, float("-inf"))
        top = tl.maximum(most, tl.max(scores, 1))
        weights = tl.exp2(scores - top[:, None])
        faded = tl.exp2(most - top)
        total = total * faded + tl.sum(weights, 1)
        answer = answer * faded[:, None]
        answer += tl.dot(weights.to(query.dtype), value.to(query.dtype), input_precision="ieee")
        most = top
    place = batch * heads + which
    if ALONE:
        answer = answer / tl.where(total == 0.0, 1.0, total)[:, None]
        if GATE:
            answer *= opened
        at = place[:, None] * width + dim[None, :]
        tl.store(out + at, answer.to(out.dtype.element_ty), inside)
    else:
        at = place * splits + split
        tl.store(sums + at[:, None] * width + dim[None, :], answer, inside)
        tl.store(highest + at, most, real)
        tl.store(totals + at, total, real)
