"""Decision trees on a CPU: blocks of rows through one tree after another.

A tree stays in the nearest cache while a block of rows walks it; the walk has no branch that
depends on the data, so the rows of a block overlap. A single row walks several trees at a time.
"""

import numpy as np
import torch
from torch import Tensor

from core_kernels.compiling import compiled
from core_kernels.parts import in_parts

#: Rows that walk a tree together.
_ROWS = 64

#: Up to so many rows, trees walk together instead.
_FEW = 16

#: Rows that are worth a thread.
_LEAST = 512


@compiled
def _margins(x, nodes, values, roots, depths, starts, base, out):
    at = np.empty(_ROWS, np.int32)
    for first in range(0, len(x), _ROWS):
        rows = min(_ROWS, len(x) - first)
        for output in range(len(base)):
            for r in range(rows):
                out[first + r, output] = base[output]
            for tree in range(starts[output], starts[output + 1]):
                at[:rows] = roots[tree]
                for _ in range(depths[tree]):
                    for r in range(rows):
                        n = np.uint32(at[r]) * np.uint64(4)
                        head = nodes[n]
                        value = x[first + r, np.uint32(head) >> np.uint32(1)]
                        right = (value >= values[n + np.uint64(1)]) | (
                            (value != value) & ((head & 1) == 1)
                        )
                        at[r] = nodes[n + np.uint64(2)] + np.int32(right)
                for r in range(rows):
                    n = np.uint32(at[r]) * np.uint64(4)
                    out[first + r, output] += values[n + np.uint64(3)]


@compiled
def _few(x, nodes, values, roots, depths, starts, base, out):
    """The same for a few rows: many trees are walked together, then added in order."""
    at = np.empty(_ROWS, np.int32)
    for row in range(len(x)):
        for output in range(len(base)):
            total = base[output]
            for first in range(starts[output], starts[output + 1], _ROWS):
                trees = min(_ROWS, starts[output + 1] - first)
                deepest = 0
                for t in range(trees):
                    at[t] = roots[first + t]
                    deepest = max(deepest, depths[first + t])
                for _ in range(deepest):
                    for t in range(trees):
                        n = np.uint32(at[t]) * np.uint64(4)
                        head = nodes[n]
                        value = x[row, np.uint32(head) >> np.uint32(1)]
                        right = (value >= values[n + np.uint64(1)]) | (
                            (value != value) & ((head & 1) == 1)
                        )
                        at[t] = nodes[n + np.uint64(2)] + np.int32(right)
                for t in range(trees):
                    total += values[np.uint32(at[t]) * np.uint64(4) + np.uint64(3)]
            out[row, output] = total


@compiled
def _leaves(x, nodes, values, ids, roots, depths, columns, out):
    at = np.empty(_ROWS, np.int32)
    for first in range(0, len(x), _ROWS):
        rows = min(_ROWS, len(x) - first)
        for tree in range(len(roots)):
            at[:rows] = roots[tree]
            for _ in range(depths[tree]):
                for r in range(rows):
                    n = np.uint32(at[r]) * np.uint64(4)
                    head = nodes[n]
                    value = x[first + r, np.uint32(head) >> np.uint32(1)]
                    right = (value >= values[n + np.uint64(1)]) | (
                        (value != value) & ((head & 1) == 1)
                    )
                    at[r] = nodes[n + np.uint64(2)] + np.int32(right)
            for r in range(rows):
                out[first + r, columns[tree]] = ids[at[r]]


def forest(
    x: Tensor, nodes: Tensor, roots: Tensor, depths: Tensor, starts: Tensor, base: Tensor
) -> Tensor:
    """As the reference."""
    table, flat = x.contiguous().numpy(), nodes.contiguous().numpy().reshape(-1)
    margins = torch.empty(len(x), len(base))
    trees = (roots.numpy(), depths.numpy(), starts.numpy(), base.numpy())
    out = margins.numpy()

    def part(start: int, stop: int) -> None:
        _margins(table[start:stop], flat, flat.view(np.float32), *trees, out[start:stop])

    if len(table) <= _FEW:
        _few(table, flat, flat.view(np.float32), *trees, out)
    else:
        in_parts(part, len(table), least=_LEAST)
    return margins


def forest_leaves(
    x: Tensor, nodes: Tensor, ids: Tensor, roots: Tensor, depths: Tensor, columns: Tensor
) -> Tensor:
    """As the reference."""
    table, flat = x.contiguous().numpy(), nodes.contiguous().numpy().reshape(-1)
    leaves = torch.empty(len(x), len(roots), dtype=torch.int32)
    trees = (ids.numpy(), roots.numpy(), depths.numpy(), columns.numpy())
    out = leaves.numpy()

    def part(start: int, stop: int) -> None:
        _leaves(table[start:stop], flat, flat.view(np.float32), *trees, out[start:stop])

    in_parts(part, len(table), least=_LEAST)
    return leaves
