"""Reductions over neighbours on a GPU: sum, mean, max and deviation in one walk over the edges.

A program walks the edges of one row, some at a time; several columns of x are one read. A row
with more than `PIECE` edges is split: its pieces are walked side by side and put together in a
second kernel in their order, so a node of degree a million is no straggler, nothing is added
atomically, and results are the same bit for bit from run to run on one device. Deviations are
summed from a message of the row and put together by Chan's formula (Chan, Golub and LeVeque, 1979).
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.structures.graph import PIECE
from core_kernels.tuning import Config, tuned

_CONFIGS = [
    Config(blocks=(("EDGES", edges),), num_warps=warps)
    for edges, warps in ((8, 1), (16, 1), (8, 2), (16, 2), (4, 1), (32, 4))
]
#: The interpreter is slow by the operation, not by the element.
_INTERPRETED = [Config(blocks=(("EDGES", 256),))]
_LEAST_VARIANCE = tl.constexpr(1e-5)
_NO_EDGE = tl.constexpr(2147483647)


@triton.jit
def _walk(
    x, indices, weights, start, stop, column, held, width,
    MAX: tl.constexpr, SPREAD: tl.constexpr, WEIGHTS: tl.constexpr,
    EDGES: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Of the messages start … stop: sum, maximum and its first edge, mean and squares about it."""
    total = tl.zeros([COLUMNS], tl.float32)
    largest = tl.full([COLUMNS], float("-inf"), tl.float32)
    arg = tl.full([COLUMNS], _NO_EDGE, tl.int32)
    away = tl.zeros([COLUMNS], tl.float32)
    squares = tl.zeros([COLUMNS], tl.float32)
    shift = tl.zeros([COLUMNS], tl.float32)
    if SPREAD:
        leader = tl.load(indices + start, start < stop, 0).to(tl.int64)
        shift = tl.load(x + leader * width + column, held & (start < stop), 0.0).to(tl.float32)
        if WEIGHTS:
            shift *= tl.load(weights + start, start < stop, 0.0)
    edge = start + tl.arange(0, EDGES)
    first = start
    while first < stop:
        inside = edge < stop
        source = tl.load(indices + edge, inside, 0).to(tl.int64)
        seen = inside[:, None] & held[None, :]
        message = tl.load(x + source[:, None] * width + column[None, :], seen, 0.0).to(tl.float32)
        if WEIGHTS:
            message *= tl.load(weights + edge, inside, 0.0)[:, None]
        total += tl.sum(message, 0)
        if SPREAD:
            apart = tl.where(seen, message - shift[None, :], 0.0)
            away += tl.sum(apart, 0)
            squares += tl.sum(apart * apart, 0)
        if MAX:
            odd = tl.max((seen & (message != message)).to(tl.int32), 0) > 0
            compared = tl.where(seen & (message == message), message, float("-inf"))
            here = tl.where(odd, float("nan"), tl.max(compared, 0)).to(tl.float32)
            same = seen & ((message == here[None, :]) | ((message != message) & odd[None, :]))
            place = tl.min(tl.where(same, edge[:, None].to(tl.int32), _NO_EDGE), 0).to(tl.int32)
            better = (here > largest) | (odd & (largest == largest)) | (arg == _NO_EDGE)
            arg = tl.where(better, place, arg)
            largest = tl.where(better, here, largest)
        edge += EDGES
        first += EDGES
    count = tl.maximum(stop - start, 1).to(tl.float32)
    mean = total / count
    if SPREAD:
        mean = shift + away / count
        squares = tl.maximum(squares - away * away / count, 0.0) + (squares - squares)
    return total, largest, arg, mean, squares


@triton.jit
def _store(
    totals, means, maxima, spreads, args, at, held, count, total, largest, arg, mean, squares,
    SUM: tl.constexpr, MEAN: tl.constexpr, MAX: tl.constexpr, SPREAD: tl.constexpr,
    ARG: tl.constexpr,
):  # fmt: skip
    some = count > 0
    if SUM:
        tl.store(totals + at, total.to(totals.dtype.element_ty), held)
    if MEAN:
        value = total / tl.maximum(count, 1).to(tl.float32)
        tl.store(means + at, value.to(means.dtype.element_ty), held)
    if MAX:
        tl.store(maxima + at, tl.where(some, largest, 0.0).to(maxima.dtype.element_ty), held)
        if ARG:
            tl.store(args + at, tl.where(some, arg, -1), held)
    if SPREAD:
        variance = squares / tl.maximum(count, 1).to(tl.float32)
        none = variance <= _LEAST_VARIANCE
        value = tl.where(none, 0.0, tl.sqrt(tl.where(none, 1.0, variance)))
        tl.store(spreads + at, value.to(spreads.dtype.element_ty), held)


@triton.jit
def _rows(
    x, indptr, indices, weights, totals, means, maxima, spreads, args, width,
    SUM: tl.constexpr, MEAN: tl.constexpr, MAX: tl.constexpr, SPREAD: tl.constexpr,
    ARG: tl.constexpr, WEIGHTS: tl.constexpr, LONGEST: tl.constexpr,
    EDGES: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    held = column < width
    start, stop = tl.load(indptr + row), tl.load(indptr + row + 1)
    count = stop - start
    stop = tl.where(count > LONGEST, start, stop)  # long rows are made of their pieces
    total, largest, arg, mean, squares = _walk(
        x, indices, weights, start, stop, column, held, width, MAX, SPREAD, WEIGHTS, EDGES, COLUMNS
    )
    held = held & (count <= LONGEST)
    _store(
        totals, means, maxima, spreads, args, row * width + column, held, count,
        total, largest, arg, mean, squares, SUM, MEAN, MAX, SPREAD, ARG,
    )  # fmt: skip


@triton.jit
def _pieces(
    x, pieces, indices, weights, parts, args, width, count,
    MAX: tl.constexpr, SPREAD: tl.constexpr, WEIGHTS: tl.constexpr,
    EDGES: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    piece = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    held = column < width
    start, stop = tl.load(pieces + 2 * piece), tl.load(pieces + 2 * piece + 1)
    total, largest, arg, mean, squares = _walk(
        x, indices, weights, start, stop, column, held, width, MAX, SPREAD, WEIGHTS, EDGES, COLUMNS
    )
    at, step = piece * width + column, count * width
    tl.store(parts + at, total, held)
    if MAX:
        tl.store(parts + step + at, largest, held)
        tl.store(args + at, arg, held)
    if SPREAD:
        tl.store(parts + 2 * step + at, mean, held)
        tl.store(parts + 3 * step + at, squares, held)


@triton.jit
def _together(
    long, pieces, parts, piece_args, totals, means, maxima, spreads, args, width, count,
    SUM: tl.constexpr, MEAN: tl.constexpr, MAX: tl.constexpr, SPREAD: tl.constexpr,
    ARG: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    number = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    held = column < width
    row, piece = tl.load(long + 3 * number), tl.load(long + 3 * number + 1)
    end, step = tl.load(long + 3 * number + 2), count * width
    total = tl.zeros([COLUMNS], tl.float32)
    largest = tl.full([COLUMNS], float("-inf"), tl.float32)
    arg = tl.full([COLUMNS], _NO_EDGE, tl.int32)
    mean = tl.zeros([COLUMNS], tl.float32)
    squares = tl.zeros([COLUMNS], tl.float32)
    seen = piece * 0
    while piece < end:
        at = piece * width + column
        edges = tl.load(pieces + 2 * piece + 1) - tl.load(pieces + 2 * piece)
        total += tl.load(parts + at, held, 0.0)
        if MAX:
            here = tl.load(parts + step + at, held, 0.0)
            better = (here > largest) | ((here != here) & (largest == largest))
            better = better | (arg == _NO_EDGE)
            arg = tl.where(better, tl.load(piece_args + at, held, 0), arg)
            largest = tl.where(better, here, largest)
        if SPREAD:
            apart = tl.load(parts + 2 * step + at, held, 0.0) - mean
            share = edges.to(tl.float32) / (seen + edges).to(tl.float32)
            squares += tl.load(parts + 3 * step + at, held, 0.0)
            squares += apart * apart * share * seen.to(tl.float32)
            mean += apart * share
        seen += edges
        piece += 1
    _store(
        totals, means, maxima, spreads, args, row * width + column, held, seen,
        total, largest, arg, mean, squares, SUM, MEAN, MAX, SPREAD, ARG,
    )  # fmt: skip


def gather_reduce(
    x: Tensor, indptr: Tensor, indices: Tensor, weights: Tensor | None, pieces: Tensor,
    long: Tensor, which: str, train: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference, summed in fp32."""
    rows, width = len(indptr) - 1, x.shape[1]
    flat = x.contiguous()
    spread, most = "d" in which, "x" in which
    wanted = ("s" in which, "m" in which or spread, most, spread)
    out = [flat.new_empty((rows, width) if told else 0) for told in wanted]
    arg = torch.empty((rows, width) if most and train else 0, dtype=torch.int32, device=x.device)
    answer = (out[0], out[1], out[2], out[3], arg)
    if not rows or not width:
        return answer
    columns = min(triton.next_power_of_2(width), 256)
    across = triton.cdiv(width, columns)
    flags = {"MAX": most, "SPREAD": spread}
    stored = {"SUM": wanted[0], "MEAN": wanted[1], "ARG": most and train, "COLUMNS": columns}
    weight = {"WEIGHTS": weights is not None}
    given = flat if weights is None else weights

    candidates = _CONFIGS if x.is_cuda else _INTERPRETED

    def launch(config: Config) -> None:
        _rows[(rows, across)](
            flat, indptr, indices, given, *answer, width, LONGEST=PIECE, **flags, **stored,
            **weight, **config.launch(),
        )  # fmt: skip

    key = f"{columns} {x.dtype} {which}"
    config = tuned("gather_reduce", key, candidates, x.device, launch)
    launch(config)
    if len(long):
        parts = torch.empty((4 if spread else 2, len(pieces), width), device=x.device)
        places = torch.empty((len(pieces), width), dtype=torch.int32, device=x.device)
        _pieces[(len(pieces), across)](
            flat, pieces, indices, given, parts, places, width, len(pieces), COLUMNS=columns,
            **flags, **weight, **config.launch(),
        )  # fmt: skip
        _together[(len(long), across)](
            long, pieces, parts, places, *answer, width, len(pieces), **flags, **stored
        )
    return answer
