"""Gated attention: flash attention with the gate in its epilogue.

One program holds a block of queries of one head; keys and values stream past it once (Dao et al.,
2022, arXiv:2205.14135; the online softmax works in base 2). The gate is read first: where all of a
block's gates are shut, no key is read at all. Products take the tensors' dtype and add up in fp32,
in a fixed order: the results are the same bit for bit from run to run for one configuration.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.tuning import Config, tuned

_LOG2E = 1.4426950408889634

_CONFIGS = [
    Config(blocks=(("ROWS", rows), ("KEYS", keys)), num_warps=warps, num_stages=stages)
    for rows, keys, warps, stages in (
        (64, 64, 4, 3), (128, 64, 8, 3), (128, 64, 8, 4), (128, 128, 8, 2), (64, 128, 4, 2),
        (64, 64, 4, 2), (128, 64, 4, 3), (64, 32, 4, 3),
    )
]  # fmt: skip


@triton.jit
def _attend(
    answer, total, most, query, k, v, mask, row, first, stop, keys, width,
    k_step, v_step, mask_row, mask_column, factor,
    CHECKED: tl.constexpr, CAUSAL: tl.constexpr, MASK: tl.constexpr, DIM: tl.constexpr,
    WHOLE: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    """Take the keys from `first` to `stop` into the sums; CHECKED where some do not count."""
    dim = tl.arange(0, DIM)
    held = dim < width
    # Within a block offsets fit 32 bits; the blocks' own addresses go along as two pointers.
    k_inner = tl.arange(0, KEYS)[None, :] * k_step + dim[:, None]
    v_inner = tl.arange(0, KEYS)[:, None] * v_step + dim[None, :]
    k_block = k + tl.cast(first, tl.int64) * k_step
    v_block = v + tl.cast(first, tl.int64) * v_step
    for start in tl.range(first, stop, KEYS):
        column = start + tl.arange(0, KEYS)
        there = column < keys
        k_at, v_at = k_block + k_inner, v_block + v_inner
        if WHOLE and not CHECKED:
            key = tl.load(k_at)
        else:
            key = tl.load(k_at, there[None, :] & held[:, None], 0.0)
        scores = tl.dot(query, key, input_precision="ieee")
        if CHECKED:
            counts = there[None, :]
            if CAUSAL:
                counts = counts & (column[None, :] <= row[:, None])
            if MASK:
                mask_at = (
                    mask + row[:, None].to(tl.int64) * mask_row + column[None, :] * mask_column
                )
                counts = counts & (tl.load(mask_at, counts, 0) != 0)
            scores = tl.where(counts, scores * factor, float("-inf"))
            highest = tl.maximum(most, tl.max(scores, 1))
            # A row for which nothing has counted yet would subtract infinity from itself.
            base = tl.where(highest == float("-inf"), 0.0, highest)
            weights = tl.exp2(scores - base[:, None])
        else:
            # The factor is not below zero: it passes through the maximum into one multiply-add.
            highest = tl.maximum(most, tl.max(scores, 1) * factor)
            base = highest
            weights = tl.exp2(scores * factor - base[:, None])
        faded = tl.exp2(most - base)
        total = total * faded + tl.sum(weights, 1)
        if WHOLE and not CHECKED:
            value = tl.load(v_at)
        else:
            value = tl.load(v_at, there[:, None] & held[None, :], 0.0)
        answer = answer * faded[:, None]
        answer += tl.dot(weights.to(value.dtype), value, input_precision="ieee")
        most = highest
        k_block += KEYS * k_step
        v_block += KEYS * v_step
    return answer, total, most


@triton.jit
def _opened(
    gate, row, dim, there, inside, gate_step, gate_dim, shut,
    CHANNEL: tl.constexpr, SKIP: tl.constexpr,
):  # fmt: skip
    """The gates of a block of queries, [ROWS, 1] or [ROWS, DIM]; 0 where they are shut."""
    if CHANNEL:
        logits = tl.load(
            gate + row[:, None].to(tl.int64) * gate_step + dim[None, :] * gate_dim, inside,
            float("-inf"),
        ).to(tl.float32)  # fmt: skip
    else:
        logits = tl.load(gate + row.to(tl.int64) * gate_step, there, float("-inf"))
        logits = logits.to(tl.float32)[:, None]
    opened = 1.0 / (1.0 + tl.exp2(-logits * 1.4426950408889634))
    if SKIP:
        opened = tl.where(opened < shut, 0.0, opened)
    return opened


@triton.jit
def _forward(
    q, k, v, gate, mask, out, attended, sums,
    q_batch, q_head, q_step, k_batch, k_head, k_step, v_batch, v_head, v_step,
    gate_batch, gate_head, gate_step, gate_dim,
    mask_batch, mask_head, mask_row, mask_column,
    heads, queries, keys, width, factor, shut,
    CHANNEL: tl.constexpr, CAUSAL: tl.constexpr, MASK: tl.constexpr, SKIP: tl.constexpr,
    KEEP: tl.constexpr, WHOLE: tl.constexpr, EVEN: tl.constexpr, DIM: tl.constexpr,
    ROWS: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    if CAUSAL:  # the longest blocks start first
        block = tl.num_programs(0) - 1 - block
    batch = (tl.program_id(1) // heads).to(tl.int64)
    head = (tl.program_id(1) % heads).to(tl.int64)
    row = block * ROWS + tl.arange(0, ROWS)
    dim = tl.arange(0, DIM)
    there = row < queries
    held = dim < width
    inside = there[:, None] & held[None, :]

    gate += batch * gate_batch + head * gate_head
    stop = keys
    if CAUSAL:
        stop = tl.minimum(keys, (block + 1) * ROWS)
    if SKIP:
        opened = _opened(gate, row, dim, there, inside, gate_step, gate_dim, shut, CHANNEL, SKIP)
        # What is not a number counts as awake, so that it comes out as what it is.
        awake = tl.max(tl.max(tl.where(opened == 0.0, 0, 1), 1), 0)
        if not KEEP:  # noqa: SIM102 - one is decided at compile time
            if awake == 0:  # nothing else is read, not even the queries
                to = (batch * queries + row[:, None]) * heads * width + head * width + dim[None, :]
                nothing = tl.zeros([ROWS, DIM], tl.float32)
                tl.store(out + to, nothing.to(out.dtype.element_ty), inside)
                return
        stop = stop * awake

    q_at = q + batch * q_batch + head * q_head + row[:, None].to(tl.int64) * q_step + dim[None, :]
    query = tl.load(q_at, inside, 0.0)
    k += batch * k_batch + head * k_head
    v += batch * v_batch + head * v_head
    mask += batch * mask_batch + head * mask_head
    answer = tl.zeros([ROWS, DIM], tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    most = tl.full([ROWS], float("-inf"), tl.float32)
    # Blocks of keys that count for every row need no comparison; nothing is compiled in vain.
    whole = 0
    if not MASK:
        whole = tl.minimum(stop, block * ROWS) if CAUSAL else stop
        whole = whole // KEYS * KEYS
        answer, total, most = _attend(
            answer, total, most, query, k, v, mask, row, 0, whole, keys, width,
            k_step, v_step, mask_row, mask_column, factor,
            False, CAUSAL, MASK, DIM, WHOLE, KEYS,
        )  # fmt: skip
    if MASK or CAUSAL or not EVEN:
        answer, total, most = _attend(
            answer, total, most, query, k, v, mask, row, whole, stop, keys, width,
            k_step, v_step, mask_row, mask_column, factor,
            True, CAUSAL, MASK, DIM, WHOLE, KEYS,
        )  # fmt: skip

    answer = answer / tl.where(total == 0.0, 1.0, total)[:, None]
    # Read here, and again where blocks may be skipped: no register holds gates through the loop.
    opened = _opened(gate, row, dim, there, inside, gate_step, gate_dim, shut, CHANNEL, SKIP)
    to = (batch * queries + row[:, None]) * heads * width + head * width + dim[None, :]
    tl.store(out + to, (answer * opened).to(out.dtype.element_ty), inside)
    if KEEP:
        tl.store(attended + to, answer.to(attended.dtype.element_ty), inside)
        kept = tl.where(total == 0.0, float("inf"), (most + tl.log2(total)) * 0.6931471805599453)
        tl.store(sums + (batch * heads + head) * queries + row, kept, there)


def gated_attention(
    q: Tensor, k: Tensor, v: Tensor, gate: Tensor, mask: Tensor | None, causal: bool, scale: float,
    shut: float, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    if scale < 0:
        q, scale = -q, -scale
    q, k, v = (part if part.stride(-1) == 1 else part.contiguous() for part in (q, k, v))
    batch, heads, queries, width = q.shape
    keys = k.shape[2]
    out = q.new_empty(batch, queries, heads, width).transpose(1, 2)
    attended = torch.empty_like(out) if keep else q.new_empty(0)
    sums = q.new_empty((batch, heads, queries) if keep else 0, dtype=torch.float32)
    if not q.numel():
        return out, attended, sums
    dim = max(16, triton.next_power_of_2(width))
    masked = q if mask is None else mask.view(torch.uint8)
    mask_strides = (0, 0, 0, 0) if mask is None else mask.stride()

    def launch(config: Config) -> None:
        blocks = dict(config.blocks)
        _forward[(triton.cdiv(queries, blocks["ROWS"]), batch * heads)](
            q, k, v, gate, masked, out, attended, sums,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *gate.stride(), *mask_strides,
            heads, queries, keys, width, scale * _LOG2E, shut,
            CHANNEL=gate.shape[-1] != 1, CAUSAL=causal, MASK=mask is not None, SKIP=shut > 0,
            KEEP=keep, WHOLE=dim == width, EVEN=keys % blocks["KEYS"] == 0, DIM=dim,
            **config.launch(),
        )  # fmt: skip

    # An open gate's time decides: with blocks that are skipped a measurement would tell nothing.
    key = f"{q.dtype} {dim} {min(triton.next_power_of_2(max(keys, 1)), 4096)} {causal=} {keep=}"
    fitting = [one for one in _CONFIGS if dict(one.blocks)["KEYS"] * dim <= 128 * 128]
    launch(tuned("gated_attention", key, fitting, q.device, launch))
    return out, attended, sums
