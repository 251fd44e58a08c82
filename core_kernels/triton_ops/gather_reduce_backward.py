"""The gradient of reductions over neighbours, gathered by source: nothing is added atomically."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.structures.graph import PIECE
from core_kernels.tuning import Config, tuned

_CONFIGS = [
    Config(blocks=(("EDGES", edges),), num_warps=warps)
    for edges, warps in ((8, 1), (16, 1), (8, 2), (16, 2), (4, 1))
]
#: The interpreter is slow by the operation, not by the element.
_INTERPRETED = [Config(blocks=(("EDGES", 256),))]


@triton.jit
def _walk(
    own, flat, slope, d_max, arg, weights, indices, edges, start, stop, column, held, width,
    SLOPE: tl.constexpr, MAX: tl.constexpr, WEIGHTS: tl.constexpr,
    EDGES: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    total = tl.zeros([COLUMNS], tl.float32)
    place = start + tl.arange(0, EDGES)
    first = start
    while first < stop:
        inside = place < stop
        target = tl.load(indices + place, inside, 0).to(tl.int64)
        edge = tl.load(edges + place, inside, 0)
        seen = inside[:, None] & held[None, :]
        at = target[:, None] * width + column[None, :]
        given = tl.load(flat + at, seen, 0.0)
        scale = tl.full([EDGES], 1.0, tl.float32)
        if WEIGHTS:
            scale = tl.load(weights + edge, inside, 0.0)
        if SLOPE:
            given += tl.load(slope + at, seen, 0.0) * own[None, :] * scale[:, None]
        if MAX:
            chosen = tl.load(arg + at, seen, -1) == edge[:, None]
            given += tl.load(d_max + at, seen & chosen, 0.0)
        total += tl.sum(given * scale[:, None], 0)
        place += EDGES
        first += EDGES
    return total


@triton.jit
def _rows(
    x, flat, slope, d_max, arg, weights, indptr, indices, edges, out, width,
    SLOPE: tl.constexpr, MAX: tl.constexpr, WEIGHTS: tl.constexpr, LONGEST: tl.constexpr,
    EDGES: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    held = column < width
    start, stop = tl.load(indptr + row), tl.load(indptr + row + 1)
    short = stop - start <= LONGEST
    stop = tl.where(short, stop, start)
    own = tl.load(x + row * width + column, held, 0.0).to(tl.float32)
    total = _walk(
        own, flat, slope, d_max, arg, weights, indices, edges, start, stop, column, held, width,
        SLOPE, MAX, WEIGHTS, EDGES, COLUMNS,
    )  # fmt: skip
    tl.store(out + row * width + column, total.to(out.dtype.element_ty), held & short)


@triton.jit
def _pieces(
    x, flat, slope, d_max, arg, weights, owners, pieces, indices, edges, parts, width,
    SLOPE: tl.constexpr, MAX: tl.constexpr, WEIGHTS: tl.constexpr,
    EDGES: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    piece = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    held = column < width
    start, stop = tl.load(pieces + 2 * piece), tl.load(pieces + 2 * piece + 1)
    own = tl.load(x + tl.load(owners + piece) * width + column, held, 0.0).to(tl.float32)
    total = _walk(
        own, flat, slope, d_max, arg, weights, indices, edges, start, stop, column, held, width,
        SLOPE, MAX, WEIGHTS, EDGES, COLUMNS,
    )  # fmt: skip
    tl.store(parts + piece * width + column, total, held)


@triton.jit
def _together(long, parts, out, width, COLUMNS: tl.constexpr):
    number = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    held = column < width
    row, piece = tl.load(long + 3 * number), tl.load(long + 3 * number + 1)
    end = tl.load(long + 3 * number + 2)
    total = tl.zeros([COLUMNS], tl.float32)
    while piece < end:
        total += tl.load(parts + piece * width + column, held, 0.0)
        piece += 1
    tl.store(out + row * width + column, total.to(out.dtype.element_ty), held)


def gather_reduce_backward(
    x: Tensor, flat: Tensor, slope: Tensor | None, d_max: Tensor | None, arg: Tensor | None,
    weights: Tensor | None, indptr: Tensor, indices: Tensor, edges: Tensor, pieces: Tensor,
    long: Tensor,
) -> Tensor:  # fmt: skip
    """As the reference, summed in fp32."""
    rows, width = x.shape
    own = x.contiguous()
    out = torch.empty_like(own)
    if not rows or not width:
        return out
    columns = min(triton.next_power_of_2(width), 256)
    across = triton.cdiv(width, columns)
    none = flat.contiguous()
    given = (
        own,
        none,
        none if slope is None else slope.contiguous(),
        none if d_max is None else d_max.contiguous(),
        indices if arg is None else arg.contiguous(),
        none if weights is None else weights,
    )
    flags = {
        "SLOPE": slope is not None, "MAX": arg is not None, "WEIGHTS": weights is not None,
        "COLUMNS": columns,
    }  # fmt: skip

    candidates = _CONFIGS if x.is_cuda else _INTERPRETED

    def launch(config: Config) -> None:
        _rows[(rows, across)](
            *given, indptr, indices, edges, out, width, LONGEST=PIECE, **flags, **config.launch()
        )

    config = tuned("gather_reduce_backward", f"{columns} {flags}", candidates, x.device, launch)
    launch(config)
    if len(long):
        parts = torch.empty((len(pieces), width), device=x.device)
        # Pieces of one row lie together, so their number says how often it is repeated.
        owners = torch.repeat_interleave(
            long[:, 0], long[:, 2] - long[:, 1], output_size=len(pieces)
        )
        _pieces[(len(pieces), across)](
            *given, owners, pieces, indices, edges, parts, width, **flags, **config.launch()
        )
        _together[(len(long), across)](long, parts, out, width, COLUMNS=columns)
    return out
