"""`Graph`: edges by their target (CSR), the same by their source, and how long rows are split."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused

#: Rows with more edges are worked on in pieces of so many.
PIECE = 1024


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Edges sorted by one end.

    Attributes:
        indptr: [rows + 1] int64 where the edges of each row begin.
        indices: [edges] int32 the other end.
        edges: [edges] int32 the edge's place in the rows of the targets; None there.
        pieces: [P, 2] int64 first and end of the edges of each piece of the long rows.
        long: [L, 3] int64 of each long row: its number, its first piece and the end of them.
    """

    indptr: Tensor
    indices: Tensor
    edges: Tensor | None
    pieces: Tensor
    long: Tensor

    @classmethod
    def of(cls, indptr: Tensor, indices: Tensor, edges: Tensor | None = None) -> Self:
        """Split the rows that are long."""
        degree = indptr.diff()
        rows = (degree > PIECE).nonzero()[:, 0]
        counts = (degree[rows] + PIECE - 1) // PIECE
        ends = counts.cumsum(0)
        owner = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), counts)
        within = torch.arange(len(owner), device=rows.device) - (ends - counts)[owner]
        start = indptr[rows][owner] + within * PIECE
        stop = torch.minimum(start + PIECE, indptr[rows + 1][owner])
        return cls(
            indptr=indptr,
            indices=indices.to(torch.int32),
            edges=None if edges is None else edges.to(torch.int32),
            pieces=torch.stack([start, stop], 1),
            long=torch.stack([rows, ends - counts, ends], 1),
        )

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return replace(
            self,
            indptr=self.indptr.to(device),
            indices=self.indices.to(device),
            edges=None if self.edges is None else self.edges.to(device),
            pieces=self.pieces.to(device),
            long=self.long.to(device),
        )


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Directed edges from sources to targets, made once and used in every layer and step.

    Attributes:
        targets: edges by target: what `gather_reduce` walks.
        sources: how many sources there are: rows of x.
        weights: [edges] fp32 in the order of `targets`, or None.
        back: edges by source, for gradients; None if made without.
    """

    targets: Rows
    sources: int
    weights: Tensor | None = None
    back: Rows | None = None

    @classmethod
    def from_csr(
        cls,
        indptr: Tensor,
        indices: Tensor,
        *,
        sources: int,
        weights: Tensor | None = None,
        train: bool = True,
    ) -> Self:
        """From rows of targets; `train` makes what gradients need.

        Raises:
            ArgumentRefused: the parts do not fit together.
        """
        if indptr.dim() != 1 or not len(indptr) or indices.dim() != 1 or len(indices) >= 2**31:
            raise ArgumentRefused(
                f"indptr {tuple(indptr.shape)} and indices {tuple(indices.shape)} have to be of "
                "one dimension, indptr one longer than there are targets."
            )
        indptr = indptr.long()
        bounds = (int(indptr[0]), int(indptr[-1]))
        if bounds != (0, len(indices)) or bool((indptr.diff() < 0).any()):
            raise ArgumentRefused(
                f"indptr goes from {bounds[0]} to {bounds[1]}; it has to rise from 0 to the "
                f"{len(indices)} edges."
            )
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < sources:
            raise ArgumentRefused(
                f"indices lie between {int(indices.min())} and {int(indices.max())}; there are "
                f"{sources} sources."
            )
        if weights is not None and (weights.shape != indices.shape or weights.requires_grad):
            raise ArgumentRefused(
                f"weights have shape {tuple(weights.shape)}; give [{len(indices)}], constants: "
                "no gradient is made for them."
            )
        return cls(
            targets=Rows.of(indptr, indices),
            sources=sources,
            weights=None if weights is None else weights.float().contiguous(),
            back=_transposed(indptr, indices, sources) if train else None,
        )

    @classmethod
    def from_edges(
        cls,
        edge_index: Tensor,
        *,
        sources: int,
        targets: int,
        weights: Tensor | None = None,
        train: bool = True,
    ) -> Self:
        """From pairs of a source and a target, [2, edges], as PyG keeps them.

        Raises:
            ArgumentRefused: an end lies outside, or the shapes do not fit.
        """
        if edge_index.dim() != 2 or edge_index.shape[0] != 2:
            raise ArgumentRefused(f"edge_index has shape {tuple(edge_index.shape)}; give [2, E].")
        source, target = edge_index
        if len(target) and not 0 <= int(target.min()) <= int(target.max()) < targets:
            raise ArgumentRefused(f"edge_index names a target outside of the {targets} there are.")
        order = torch.argsort(target, stable=True)
        counts = torch.bincount(target, minlength=targets)
        indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return cls.from_csr(
            indptr,
            source[order],
            sources=sources,
            weights=None if weights is None else weights[order],
            train=train,
        )

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return replace(
            self,
            targets=self.targets.to(device),
            weights=None if self.weights is None else self.weights.to(device),
            back=None if self.back is None else self.back.to(device),
        )


def _transposed(indptr: Tensor, indices: Tensor, sources: int) -> Rows:
    order = torch.argsort(indices, stable=True)
    owner = torch.repeat_interleave(
        torch.arange(len(indptr) - 1, device=indices.device), indptr.diff()
    )
    counts = torch.bincount(indices, minlength=sources)
    starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return Rows.of(starts, owner[order], order)
