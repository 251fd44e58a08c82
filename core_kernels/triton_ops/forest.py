"""Decision trees on a GPU: a program walks a block of rows through all trees of one output.

All programs walk the trees in the same order, so the nodes of the current trees are in every
level-one cache. A node is read as two words of eight bytes. Few rows would leave the device idle:
their trees are walked side by side, and what the leaves say is summed by a second launch. Either
way each row is summed by one lane in the order of the trees, which makes the margins those of the
reference bit for bit.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.tuning import Config, tuned

_CONFIGS = [
    Config(blocks=(("ROWS", rows),), num_warps=warps)
    for rows, warps in ((128, 4), (64, 2), (256, 8), (128, 2), (256, 4), (512, 8))
]

#: Rows times trees up to which the trees of a row are walked side by side.
_FEW = 2**23
#: Leaves that are read before they are summed.
_AHEAD = tl.constexpr(16)


@triton.jit
def _stepped(x, nodes, row, inside, at):
    """The next node of each row; a leaf stays."""
    front = tl.load(nodes + 2 * at)
    head = front.to(tl.int32)
    threshold = (front >> 32).to(tl.int32).to(tl.float32, bitcast=True)
    value = tl.load(x + row + (head >> 1), inside, 0.0)
    right = (value >= threshold) | ((value != value) & ((head & 1) == 1))
    return tl.load(nodes + 2 * at + 1).to(tl.int32).to(tl.int64) + right.to(tl.int64)


@triton.jit
def _margins(x, nodes, roots, depths, starts, base, out, rows, width, outputs, ROWS: tl.constexpr):
    output = tl.program_id(1)
    number = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = number < rows
    row = number * width
    total = tl.zeros([ROWS], tl.float32) + tl.load(base + output)
    tree = tl.load(starts + output)
    stop = tl.load(starts + output + 1)
    while tree < stop:
        at = tl.zeros([ROWS], tl.int64) + tl.load(roots + tree)
        left = tl.load(depths + tree)
        while left > 0:
            at = _stepped(x, nodes, row, inside, at)
            left -= 1
        total += (tl.load(nodes + 2 * at + 1) >> 32).to(tl.int32).to(tl.float32, bitcast=True)
        tree += 1
    tl.store(out + number * outputs + output, total, inside)


@triton.jit
def _values(x, nodes, roots, depths, values, rows, width, ROWS: tl.constexpr):
    """What the leaves of one tree say of each row."""
    tree = tl.program_id(1)
    number = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = number < rows
    at = tl.zeros([ROWS], tl.int64) + tl.load(roots + tree)
    left = tl.load(depths + tree)
    while left > 0:
        at = _stepped(x, nodes, number * width, inside, at)
        left -= 1
    said = (tl.load(nodes + 2 * at + 1) >> 32).to(tl.int32).to(tl.float32, bitcast=True)
    tl.store(values + tree.to(tl.int64) * rows + number, said, inside)


@triton.jit
def _sums(values, starts, base, out, rows, outputs, ROWS: tl.constexpr):
    output = tl.program_id(1)
    number = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = number < rows
    total = tl.zeros([ROWS], tl.float32) + tl.load(base + output)
    tree = tl.load(starts + output).to(tl.int64)
    stop = tl.load(starts + output + 1).to(tl.int64)
    while tree < stop:
        for ahead in tl.static_range(_AHEAD):
            there = inside & (tree + ahead < stop)
            said = tl.load(values + (tree + ahead) * rows + number, there, 0.0)
            total = tl.where(there, total + said, total)
        tree += _AHEAD
    tl.store(out + number * outputs + output, total, inside)


@triton.jit
def _leaves(x, nodes, ids, roots, depths, columns, out, rows, width, trees, ROWS: tl.constexpr):
    tree = tl.program_id(1)
    number = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = number < rows
    row = number * width
    at = tl.zeros([ROWS], tl.int64) + tl.load(roots + tree)
    left = tl.load(depths + tree)
    while left > 0:
        at = _stepped(x, nodes, row, inside, at)
        left -= 1
    tl.store(out + number * trees + tl.load(columns + tree), tl.load(ids + at), inside)


def forest(
    x: Tensor, nodes: Tensor, roots: Tensor, depths: Tensor, starts: Tensor, base: Tensor
) -> Tensor:
    """As the reference."""
    rows, width = x.shape
    table, words = x.contiguous(), nodes.contiguous().view(torch.int64)
    out = torch.empty((rows, len(base)), dtype=torch.float32, device=x.device)
    if rows == 0:
        return out
    if 0 < rows * len(roots) <= _FEW:
        values = torch.empty((len(roots), rows), dtype=torch.float32, device=x.device)
        _values[(triton.cdiv(rows, 32), len(roots))](
            table, words, roots, depths, values, rows, width, ROWS=32, num_warps=1
        )
        _sums[(triton.cdiv(rows, 32), len(base))](
            values, starts, base, out, rows, len(base), ROWS=32, num_warps=1
        )
        return out

    def launch(config: Config) -> None:
        _margins[(triton.cdiv(rows, dict(config.blocks)["ROWS"]), len(base))](
            table, words, roots, depths, starts, base, out, rows, width, len(base),
            **config.launch(),
        )  # fmt: skip

    key = f"{triton.next_power_of_2(width)}"
    launch(tuned("forest", key, _CONFIGS, x.device, launch))
    return out


def forest_leaves(
    x: Tensor, nodes: Tensor, ids: Tensor, roots: Tensor, depths: Tensor, columns: Tensor
) -> Tensor:
    """As the reference."""
    rows, width = x.shape
    out = torch.empty((rows, len(roots)), dtype=torch.int32, device=x.device)
    if rows and len(roots):
        words = nodes.contiguous().view(torch.int64)
        _leaves[(triton.cdiv(rows, 128), len(roots))](
            x.contiguous(), words, ids, roots, depths, columns, out, rows, width, len(roots),
            ROWS=128,
        )  # fmt: skip
    return out
