"""Reductions over neighbours on a CPU: one walk over the edges, rows shared among threads by edges.

The deviation is summed from the first message of the row, so that it keeps its digits where all
messages are large and alike.
"""

import numpy as np
import torch
from torch import Tensor

from core_kernels.compiling import compiled
from core_kernels.parts import in_parts

_LEAST_VARIANCE = 1e-5

#: Edges that are worth a thread.
_LEAST = 8192


@compiled
def _rows(
    x, indptr, indices, weights, total, mean, largest, spread, arg, first, stop,
):  # fmt: skip
    """What is not asked for has no rows in its array."""
    width = x.shape[1]
    weighted = len(weights) > 0
    added = np.empty(width, np.float32)
    away = np.empty(width, np.float32)
    squares = np.empty(width, np.float32)
    shift = np.empty(width, np.float32)
    for row in range(first, stop):
        start, end = indptr[row], indptr[row + 1]
        count = end - start
        added[:] = 0
        if len(spread) > 0 and count > 0:
            scale = weights[start] if weighted else np.float32(1)
            source = x[indices[start]]
            for f in range(width):
                shift[f] = source[f] * scale
            away[:] = 0
            squares[:] = 0
        for e in range(start, end):
            scale = weights[e] if weighted else np.float32(1)
            source = x[indices[e]]
            for f in range(width):
                added[f] += source[f] * scale
            if len(spread) > 0:
                for f in range(width):
                    apart = source[f] * scale - shift[f]
                    away[f] += apart
                    squares[f] += apart * apart
            if len(largest) > 0:
                if e == start:
                    for f in range(width):
                        largest[row, f] = source[f] * scale
                elif len(arg) == 0:
                    for f in range(width):
                        message, best = source[f] * scale, largest[row, f]
                        largest[row, f] = best if (best >= message) or (best != best) else message
                else:
                    for f in range(width):
                        message, best = source[f] * scale, largest[row, f]
                        if not (best >= message) and best == best:
                            largest[row, f] = message
                            arg[row, f] = e
                if e == start and len(arg) > 0:
                    arg[row, :] = np.int32(e)
        if count == 0:
            if len(largest) > 0:
                largest[row, :] = 0
            if len(arg) > 0:
                arg[row, :] = -1
        part = np.float32(1) / np.float32(max(count, 1))
        if len(total) > 0:
            total[row, :] = added
        if len(mean) > 0:
            for f in range(width):
                mean[row, f] = added[f] * part
        if len(spread) > 0:
            for f in range(width):
                if count == 0:
                    spread[row, f] = 0
                    continue
                variance = (squares[f] - away[f] * away[f] * part) * part
                kept = variance > _LEAST_VARIANCE or variance != variance
                spread[row, f] = np.sqrt(variance) if kept else np.float32(0)


@compiled
def _back(
    x, flat, slope, d_max, arg, weights, indptr, indices, edges, out, first, stop,
):  # fmt: skip
    width = x.shape[1]
    weighted = len(weights) > 0
    for row in range(first, stop):
        out[row, :] = 0
        for e in range(indptr[row], indptr[row + 1]):
            target, edge = indices[e], edges[e]
            scale = weights[edge] if weighted else np.float32(1)
            if len(slope) > 0:
                for f in range(width):
                    given = flat[target, f] + slope[target, f] * (x[row, f] * scale)
                    out[row, f] += given * scale
            else:
                for f in range(width):
                    out[row, f] += flat[target, f] * scale
            if len(arg) > 0:
                for f in range(width):
                    if arg[target, f] == edge:
                        out[row, f] += d_max[target, f] * scale


def gather_reduce(
    x: Tensor, indptr: Tensor, indices: Tensor, weights: Tensor | None, pieces: Tensor,
    long: Tensor, which: str, train: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """As the reference, in fp32."""
    rows, width = len(indptr) - 1, x.shape[1]

    wanted = ("s" in which, "m" in which or "d" in which, "x" in which, "d" in which)
    kinds = [(told, torch.float32) for told in wanted] + [("x" in which and train, torch.int32)]
    parts = [torch.empty((rows if told else 0, width), dtype=kind) for told, kind in kinds]
    given = (x.contiguous().numpy(), indptr.numpy(), indices.numpy(), _or_none(weights))
    out = [part.numpy() for part in parts]
    _by_edges(indptr, lambda first, stop: _rows(*given, *out, first, stop))
    total, mean, largest, spread, arg = (
        part if told else part.view(-1) for part, (told, _) in zip(parts, kinds, strict=True)
    )
    return total, mean, largest, spread, arg


def gather_reduce_backward(
    x: Tensor, flat: Tensor, slope: Tensor | None, d_max: Tensor | None, arg: Tensor | None,
    weights: Tensor | None, indptr: Tensor, indices: Tensor, edges: Tensor, pieces: Tensor,
    long: Tensor,
) -> Tensor:  # fmt: skip
    """As the reference, in fp32."""
    none = torch.empty(0, x.shape[1])
    given = (
        x.contiguous().numpy(),
        flat.contiguous().numpy(),
        (none if slope is None else slope.contiguous()).numpy(),
        (none if d_max is None else d_max.contiguous()).numpy(),
        (none.int() if arg is None else arg.contiguous()).numpy(),
        _or_none(weights),
        indptr.numpy(),
        indices.numpy(),
        edges.numpy(),
    )
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    _by_edges(indptr, lambda first, stop: _back(*given, out.numpy(), first, stop))
    return out


def _or_none(weights: Tensor | None) -> np.ndarray:
    given: np.ndarray = (torch.empty(0) if weights is None else weights.contiguous()).numpy()
    return given


def _by_edges(indptr: Tensor, run) -> None:
    """Call ``run(first row, end)`` on threads that have like numbers of edges."""
    starts = indptr.numpy()

    def part(start: int, stop: int) -> None:
        first, end = np.searchsorted(starts, (start, stop), "left")
        run(int(first) if start else 0, int(end) if stop < edges else len(starts) - 1)

    edges = int(starts[-1])
    in_parts(part, edges, least=_LEAST)
