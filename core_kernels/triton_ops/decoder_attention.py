"""The kernel of `decoder` for one head: the latest key and value, the cache, gate, its out-product.

Each program looks at the whole cache of one head of one sequence and computes `OUT` rows of the
head's part of the out-projection: with 256 rows of cache, looking again is cheaper than a launch.
"""

import triton
import triton.language as tl
from triton.language.extra import cuda


@triton.jit
def attend(
    mixed, mixed_stride, keys, values, batch_stride, head_stride, capacity, lengths, position,
    weight, out, heads, head_width, width, factor,
    OWN: tl.constexpr, GATE: tl.constexpr, EARLY: tl.constexpr,
    DIM: tl.constexpr, OUT: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """`out[head] = weight[:, head] · attention`, fp32.

    Args:
        mixed: fp32 [B, N], queries, with `OWN` keys and values, and gates' logits behind them.
        keys, values: [B, H, capacity, D]; with `OWN` the row at `position` is written.
        lengths: rows of the memory's cache that count, without `OWN`.
        out: fp32 [H, B, width].
    """
    sequence = tl.program_id(0)
    head = tl.program_id(1)
    split = tl.program_id(2)
    dim = tl.arange(0, DIM)
    held = dim < head_width
    row = split * OUT + tl.arange(0, OUT)
    taken = row < width
    tile = tl.load(
        weight + row[:, None].to(tl.int64) * width + head * head_width + dim[None, :],
        taken[:, None] & held[None, :], 0.0,
    )  # fmt: skip
    shift = sequence.to(tl.int64) * batch_stride + head.to(tl.int64) * head_stride
    keys += shift
    values += shift
    # Rows of the cache are from earlier tokens, so they too are asked for before the wait.
    count = tl.load(position) if OWN else tl.load(lengths + sequence)
    length = tl.minimum(count.to(tl.int32), capacity)
    each = tl.arange(0, STEP)
    at = each[:, None].to(tl.int64) * head_width + dim[None, :]
    inside = (each < length)[:, None] & held[None, :]
    some = tl.load(keys + at, inside, 0.0)
    value = tl.load(values + at, inside, 0.0)
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    mixed += sequence * mixed_stride + head * head_width
    query = tl.load(mixed + dim, held, 0.0) * factor
    if OWN:
        key = tl.load(mixed + width + dim, held, 0.0).to(keys.dtype.element_ty)
        answer = tl.load(mixed + 2 * width + dim, held, 0.0).to(keys.dtype.element_ty)
        if (split == 0) & (count < capacity):
            tl.store(keys + count * head_width + dim, key, held)
            tl.store(values + count * head_width + dim, answer, held)
        answer = answer.to(tl.float32)
        # The latest row is seen from here: other programs may not have written it yet.
        most = tl.sum(query * key.to(tl.float32), 0)
        total = most * 0.0 + 1.0
    else:
        answer = tl.zeros([DIM], tl.float32)
        total = tl.sum(answer, 0)
        most = total - float("inf")
    for first in tl.range(0, length, STEP):
        scores = tl.sum(some.to(tl.float32) * query[None, :], 1)
        scores = tl.where(first + each < length, scores, float("-inf"))
        top = tl.maximum(most, tl.max(scores, 0))
        weights = tl.exp2(scores - top)
        faded = tl.exp2(most - top)
        total = total * faded + tl.sum(weights, 0)
        answer = answer * faded + tl.sum(weights[:, None] * value.to(tl.float32), 0)
        most = top
        following = first + STEP
        inside = (following + each < length)[:, None] & held[None, :]
        there = at + following.to(tl.int64) * head_width
        some = tl.load(keys + there, inside, 0.0)
        value = tl.load(values + there, inside, 0.0)
    answer = answer / tl.where(total == 0.0, 1.0, total)
    if GATE:
        gate = tl.load(mixed - head * head_width + (3 if OWN else 1) * width + head)
        answer = answer / (1.0 + tl.exp2(-gate * 1.4426950408889634))
    found = tl.sum(tile.to(tl.float32) * answer[None, :], 1)
    tl.store(out + (head * tl.num_programs(0) + sequence) * width + row, found, taken)
