"""`sample_neighbors`: blocks of neighbours as they were known at a moment, for graph networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused
from core_kernels.structures.neighbors import NeighborTable, started

__all__ = ["Block", "NeighborTable", "sample_hops", "sample_neighbors"]

#: The widest ring that one program of the Triton kernel holds.
WIDEST = 128


def _triton_objection(facts: Facts, able: Capabilities) -> str | None:
    return f"rings are wider than {WIDEST}" if "wide" in facts.traits else needs_triton(facts, able)


register(
    Implementation(
        operation="sample_neighbors",
        name="triton",
        triton=True,
        run="core_kernels.triton_ops.sample_neighbors:sample_neighbors",
        rank=10,
        objection=_triton_objection,
    )
)
register(
    Implementation(
        operation="sample_neighbors",
        name="numba",
        run="core_kernels.cpu_ops.sample_neighbors:sample_neighbors",
        devices=frozenset({"cpu"}),
        rank=20,
    )
)
register(
    Implementation(
        operation="sample_neighbors",
        name="reference",
        run="core_kernels.reference.sample_neighbors:sample_neighbors",
    )
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """Neighbours of a batch of nodes.

    Attributes:
        ids: [B, count] int32, −1 where a node has no more.
        times: [B, count] int64 of the edges; 0 there.
        before: [B] int64 the moment of each row.
    """

    ids: Tensor
    times: Tensor
    before: Tensor

    def mask(self) -> Tensor:
        """[B, count] which places hold a neighbour."""
        return self.ids >= 0

    def features(self, x: Tensor) -> Tensor:
        """[B, count, F]: the rows of x [nodes, F] of the neighbours, zeros where there is none."""
        rows = x[self.ids.clamp(min=0).long()]
        return torch.where(self.mask()[..., None], rows, 0)

    def edge_index(self) -> Tensor:
        """[2, E] for PyG's convolutions: from places ``row · count + column`` to rows."""
        row, column = self.mask().nonzero(as_tuple=True)
        return torch.stack([row * self.ids.shape[1] + column, row])


def sample_neighbors(
    nodes: Tensor,
    before: Tensor,
    table: NeighborTable,
    count: int,
    *,
    order: Literal["newest", "uniform"] = "newest",
    distinct: bool = True,
    seed: int = 0,
) -> Block:
    """Up to `count` neighbours of each node by edges with a time less than `before`.

    What came later than the moment of a row, or at it, does not exist for it. The table holds
    the last K edges of a node: of a node with more than K edges since the moment nothing is left.

    Args:
        nodes: [B] integers; −1 has no neighbours.
        before: [B] integers.
        table: on the device of `nodes`.
        count: from 1 to 1024.
        order: the newest, newest first; or a draw without replacement, each set as likely.
        distinct: of several edges to one neighbour only the newest counts.
        seed: of the draw; a seed gives the same on every device, whatever else is drawn.

    Raises:
        ArgumentRefused: shapes, ids or options do not fit.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    if nodes.dim() != 1 or nodes.shape != before.shape or nodes.is_floating_point():
        raise ArgumentRefused(
            f"nodes {tuple(nodes.shape)} {nodes.dtype} and before {tuple(before.shape)} must be "
            "integers of one length."
        )
    if not 1 <= count <= 1024 or not 0 <= seed < 2**62 or order not in ("newest", "uniform"):
        raise ArgumentRefused(
            f"count {count}, seed {seed} and order {order!r}: give 1 to 1024, 0 to 2**62 and "
            "'newest' or 'uniform'."
        )
    if nodes.device != table.heads.device:
        raise ArgumentRefused(
            f"nodes are on {nodes.device}, the table on {table.heads.device}; use NeighborTable.to."
        )
    ids, times = _sample_neighbors(
        nodes.long(), before.long(), table.ids, table.times, table.heads, count,
        order == "uniform", distinct, started(seed),
    )  # fmt: skip
    return Block(ids=ids, times=times, before=before)


def sample_hops(
    nodes: Tensor,
    before: Tensor,
    tables: Sequence[NeighborTable],
    counts: Sequence[int],
    *,
    order: Literal["newest", "uniform"] = "newest",
    distinct: bool = True,
    seed: int = 0,
) -> list[Block]:
    """A block for each hop, each around all places of the one before.

    Every hop keeps the moment of its seed. Where the ends of edges are of two kinds (customers
    and terminals), give the table of each hop's own direction.

    Args:
        tables, counts: one of each for every hop.

    Returns:
        blocks with B, B · counts[0], B · counts[0] · counts[1] … rows.

    Raises:
        ArgumentRefused: see `sample_neighbors`; or there are not as many tables as counts.
    """
    if len(tables) != len(counts):
        raise ArgumentRefused(f"{len(tables)} tables and {len(counts)} counts: give one per hop.")
    blocks: list[Block] = []
    for hop, (table, count) in enumerate(zip(tables, counts, strict=True)):
        block = sample_neighbors(
            nodes, before, table, count, order=order, distinct=distinct, seed=seed + hop
        )
        blocks.append(block)
        nodes = block.ids.reshape(-1)
        before = before.repeat_interleave(count, output_size=len(nodes))
    return blocks


@torch.library.custom_op("core_kernels::sample_neighbors", mutates_args=())
def _sample_neighbors(
    nodes: Tensor, before: Tensor, ids: Tensor, times: Tensor, heads: Tensor, count: int,
    uniform: bool, distinct: bool, start: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    wide = {"wide"} if ids.shape[1] > WIDEST else set()
    run = chosen("sample_neighbors", nodes.device, Facts(dtype=ids.dtype, traits=frozenset(wide)))
    if nodes.device.type == "cpu" and len(nodes) and int(nodes.max()) >= len(heads):
        raise ArgumentRefused(f"nodes names one outside of the {len(heads)} of the table.")
    neighbors, moments = run(nodes, before, ids, times, heads, count, uniform, distinct, start)
    return neighbors, moments


@_sample_neighbors.register_fake
def _(
    nodes: Tensor, before: Tensor, ids: Tensor, times: Tensor, heads: Tensor, count: int,
    uniform: bool, distinct: bool, start: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    shape = (nodes.shape[0], count)
    return nodes.new_empty(shape, dtype=torch.int32), nodes.new_empty(shape, dtype=torch.int64)
