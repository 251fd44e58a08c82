"""`sample_neighbors` against the same in vectorised torch: two hops (15, 10) around 4,096 seeds."""

from collections.abc import Iterator

import torch

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.sample_neighbors import Block, NeighborTable, sample_hops


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """Rings of 32 edges around a million nodes."""
    nodes, seeds = (2_000, 64) if quick else (1_000_000, 4_096)
    edges = 20 * nodes
    draw = torch.Generator().manual_seed(0)
    table = NeighborTable.empty(nodes, 32)
    ends = torch.randint(nodes, (2, edges), generator=draw)
    table.add(ends[0], ends[1], torch.arange(edges))
    table = table.to(device)
    start = torch.randint(nodes, (seeds,), generator=draw).to(device)
    before = torch.randint(edges // 2, edges, (seeds,), generator=draw).to(device)
    for order in ("newest", "uniform"):
        yield _case(order, start, before, table, device)


def _case(
    order: str, start: torch.Tensor, before: torch.Tensor, table: NeighborTable,
    device: torch.device,
) -> Case:  # fmt: skip
    uniform = order == "uniform"

    def ours() -> list[Block]:
        return sample_hops(
            start, before, [table, table], [15, 10], order="uniform" if uniform else "newest"
        )

    def torchs() -> list[Block]:
        with using(sample_neighbors="reference"):
            return ours()

    def check() -> None:
        for one, other in zip(ours(), torchs(), strict=True):
            if not torch.equal(one.ids, other.ids) or not torch.equal(one.times, other.times):
                raise AssertionError("neighbours differ from the vectorised definition")

    peers: dict[str, Run | None] = {"vectorised torch": torchs}
    goals = (Goal(ratio=1, peer="vectorised torch"),)
    return Case(
        operation="sample_neighbors",
        label=f"{len(start):,} seeds, hops of 15 and 10, {order}",
        ours=ours,
        peers=peers,
        check=check,
        bytes=len(start) * 16 * (32 * 12 + 12 * 15),
        units=len(start),
        goals=(Goal(milliseconds=0.2), *goals) if device.type == "cuda" else goals,
        graph=device.type == "cuda",
    )
