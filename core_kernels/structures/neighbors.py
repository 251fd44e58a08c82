"""`NeighborTable`: of each node, the last K neighbours of one relation and when each edge came."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused


def started(seed: int) -> int:
    """Where the generator of a draw starts, as a signed number of 64 bits."""
    start = (seed + 1) * 0x9E3779B97F4A7C15 % 2**64
    return start - 2**64 if start >= 2**63 else start


@dataclass(frozen=True, kw_only=True)
class NeighborTable:
    """A ring of K edges for each node: bounded, whatever a node's degree.

    Attributes:
        ids: [nodes, K] int32 the other ends; −1 where no edge came yet.
        times: [nodes, K] int64 when each edge came.
        heads: [nodes] int64 how many edges came; edge n lies in column n mod K.
    """

    ids: Tensor
    times: Tensor
    heads: Tensor

    @classmethod
    def empty(cls, nodes: int, width: int, device: torch.device | str = "cpu") -> Self:
        """No edges yet.

        Raises:
            ArgumentRefused: `width` is not between 1 and 1024.
        """
        if nodes < 0 or not 1 <= width <= 1024:
            raise ArgumentRefused(
                f"A table of {nodes} nodes with {width} edges each; give 1 to 1024 edges."
            )
        return cls(
            ids=torch.full((nodes, width), -1, dtype=torch.int32, device=device),
            times=torch.zeros((nodes, width), dtype=torch.int64, device=device),
            heads=torch.zeros(nodes, dtype=torch.int64, device=device),
        )

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return replace(
            self,
            ids=self.ids.to(device),
            times=self.times.to(device),
            heads=self.heads.to(device),
        )

    def add(self, nodes: Tensor, neighbors: Tensor, times: Tensor) -> None:
        """Enter edges in the order in which they came; what leaves the ring is forgotten.

        The table is changed in place, the same for one batch or many. Give both directions of an
        edge that is to be walked both ways.

        Args:
            nodes, neighbors: [E] integers.
            times: [E] integers, not descending from call to call.

        Raises:
            ArgumentRefused: an id lies outside, lengths differ, or times go back.
        """
        if not nodes.shape == neighbors.shape == times.shape or nodes.dim() != 1:
            raise ArgumentRefused(
                f"nodes {tuple(nodes.shape)}, neighbors {tuple(neighbors.shape)} and times "
                f"{tuple(times.shape)} must be of one length."
            )
        if not len(nodes):
            return
        if int(nodes.min()) < 0 or int(nodes.max()) >= len(self.heads):
            raise ArgumentRefused(f"nodes names one outside of the {len(self.heads)} there are.")
        if int(neighbors.min()) < 0 or int(neighbors.max()) >= 2**31:
            raise ArgumentRefused("neighbors has a number that is not from 0 to 2**31 − 1.")
        if bool((times.diff() < 0).any()):
            raise ArgumentRefused("times go back; give edges in the order in which they came.")
        order = torch.argsort(nodes, stable=True)
        owner = nodes[order].long()
        counts = torch.bincount(owner, minlength=len(self.heads))
        first = counts.cumsum(0) - counts
        rank = torch.arange(len(owner), device=owner.device) - first[owner]
        width = self.ids.shape[1]
        kept = rank >= counts[owner] - width  # of one node, only the last K stay
        order, owner, rank = order[kept], owner[kept], rank[kept]
        column = (self.heads[owner] + rank) % width
        self.ids[owner, column] = neighbors[order].to(torch.int32)
        self.times[owner, column] = times[order].long()
        self.heads.add_(counts)
