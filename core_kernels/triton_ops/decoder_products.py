"""Kernels of `decoder` that multiply one row with weights: sums in fp32, weights read once.

With `EARLY` a kernel starts while the one before it still runs, asks for its weights, and only then
waits for what the other writes (CUDA's programmatic dependent launch).
"""

import triton
import triton.language as tl
from triton.language.extra import cuda


@triton.jit
def stream(
    parts, part_stride, offset, residual, weight, shift, column, held, width, eps,
    PARTS: tl.constexpr, OFFSET: tl.constexpr,
):  # fmt: skip
    """LayerNorm of residual plus offset plus the `PARTS` rows at `parts`, in their order."""
    total = tl.load(residual + column, held, 0.0).to(tl.float32)
    if OFFSET:
        total += tl.load(offset + column, held, 0.0).to(tl.float32)
    for part in tl.static_range(PARTS):
        total += tl.load(parts + part * part_stride + column, held, 0.0).to(tl.float32)
    factor = tl.load(weight + column, held, 0.0).to(tl.float32)
    added = tl.load(shift + column, held, 0.0).to(tl.float32)
    total = tl.where(held, total - tl.sum(total, 0) / width, 0.0)
    return total / tl.sqrt(tl.sum(total * total, 0) / width + eps) * factor + added


@triton.jit
def project(
    parts, part_stride, offset, residual, norm, shift, x, weight, bias, out, tops, bests,
    tokens, position, vocabulary, positions, rows, width, eps,
    FIRST: tl.constexpr, PARTS: tl.constexpr, GELU: tl.constexpr, BEST: tl.constexpr,
    EARLY: tl.constexpr, COLUMNS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """`out = act(weight · x + bias)` with `x` the normalised stream, which block 0 stores.

    `FIRST`: the stream begins here: `parts` and `residual` are the tables of tokens and places.
    `BEST`: also the largest of the block's answers and where it is.
    """
    sequence = tl.program_id(0)
    block = tl.program_id(1)
    column = tl.arange(0, COLUMNS)
    held = column < width
    row = block * ROWS + tl.arange(0, ROWS)
    there = row < rows
    at = row[:, None].to(tl.int64) * width + column[None, :]
    tile = tl.load(weight + at, there[:, None] & held[None, :], 0.0)
    answer = tl.load(bias + row, there, 0.0).to(tl.float32)
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    if FIRST:
        token = tl.load(tokens + sequence)
        parts += tl.minimum(tl.maximum(token, 0), vocabulary - 1) * width
        residual += tl.minimum(tl.load(position), positions - 1) * width
    else:
        parts += sequence * width
        residual += sequence * width
    found = stream(
        parts, part_stride, offset, residual, norm, shift, column, held, width, eps,
        PARTS, not FIRST,
    )  # fmt: skip
    if block == 0:
        tl.store(x + sequence * width + column, found, held)
    answer += tl.sum(tile.to(tl.float32) * found[None, :], 1)
    if GELU:
        answer = 0.5 * answer * (1.0 + tl.erf(answer * 0.7071067811865476))
    stored = answer.to(out.dtype.element_ty)
    tl.store(out + sequence.to(tl.int64) * rows + row, stored, there)
    if BEST:
        value = stored.to(tl.float32)
        value = tl.where(value == value, value, float("inf"))  # as torch: not a number is most
        value = tl.where(there, value, float("-inf"))
        top = tl.max(value, 0)
        best = tl.min(tl.where(value == top, row, 0x7FFFFFFF), 0)
        tl.store(tops + sequence * tl.num_programs(1) + block, top)
        tl.store(bests + sequence * tl.num_programs(1) + block, best)


@triton.jit
def outer(
    x, weight, out, rows, columns,
    EARLY: tl.constexpr, COLUMNS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """`out = weight · x`, a block of rows; the next kernel adds the bias."""
    sequence = tl.program_id(0)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    there = row < rows
    far = row[:, None].to(tl.int64) * columns
    column = tl.arange(0, COLUMNS)
    tile = tl.load(
        weight + far + column[None, :], there[:, None] & (column < columns)[None, :], 0.0
    )
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    x += sequence * columns
    total = tile.to(tl.float32) * tl.load(x + column, column < columns, 0.0)[None, :]
    for first in tl.range(COLUMNS, columns, COLUMNS):
        column = first + tl.arange(0, COLUMNS)
        tile = tl.load(
            weight + far + column[None, :], there[:, None] & (column < columns)[None, :], 0.0
        )
        total += tile.to(tl.float32) * tl.load(x + column, column < columns, 0.0)[None, :]
    tl.store(out + sequence * rows + row, tl.sum(total, 1), there)


@triton.jit
def finish(
    tops, bests, likeliest, lengths, written, ended, stop, tokens, position, batch, count, capacity,
    WRITES: tl.constexpr, EARLY: tl.constexpr, BLOCKS: tl.constexpr,
):  # fmt: skip
    """The first of the largest logits of each sequence, and all that a token ends with."""
    block = tl.arange(0, BLOCKS)
    held = block < count
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    place = tl.load(position)
    for sequence in tl.range(0, batch):
        value = tl.load(tops + sequence * count + block, held, float("-inf"))
        index = tl.load(bests + sequence * count + block, held, 0x7FFFFFFF)
        top = tl.max(value, 0)
        best = tl.min(tl.where(value == top, index, 0x7FFFFFFF), 0)
        best = best.to(tl.int64)
        if WRITES:
            last = tl.load(stop)
            over = tl.load(ended + sequence)
            best = tl.where(over, last, best)
            tl.store(ended + sequence, over | (best == last))
            tl.store(written + sequence * capacity + place, best, place < capacity)
            tl.store(tokens + sequence, best)
        tl.store(likeliest + sequence, best)
        tl.store(lengths + sequence, tl.load(lengths + sequence) + 1)
    tl.store(position, place + 1)
