"""`gather_reduce` against PyG's scatter and a sparse product, on even and on skewed graphs."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.gather_reduce import Graph, gather_reduce
from core_kernels.tolerances import assert_close


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """A million nodes and ten million edges on a GPU; a tenth of that on a CPU."""
    scale = 1000 if quick else (1 if device.type == "cuda" else 10)
    nodes, count, width = 1_000_000 // scale, 10_000_000 // scale, 64
    draw = torch.Generator().manual_seed(0)
    even = torch.randint(nodes, (2, count), generator=draw)
    skewed = even.clone()
    # Targets by a power law, and a tenth of all edges into one node: degree a million on a GPU.
    skewed[1] = (torch.rand(count, generator=draw) ** 4 * nodes).long().clamp(max=nodes - 1)
    skewed[1, : count // 10] = 0
    for label, pairs in (("even", even), ("one node of a tenth of all edges", skewed)):
        name = f"{label}: {nodes:,} nodes, {count:,} edges, {width} wide"
        yield _case(name, pairs.to(device), nodes, width, ("mean",), device, label == "even")
    yield _case(
        f"four reductions, {nodes:,} nodes, {count:,} edges, {width} wide",
        even.to(device), nodes, width, ("sum", "mean", "max", "std"), device, False,
    )  # fmt: skip


def _case(
    label: str, pairs: Tensor, nodes: int, width: int, what: tuple[str, ...], device: torch.device,
    first: bool,
) -> Case:  # fmt: skip
    graph = Graph.from_edges(pairs, sources=nodes, targets=nodes, train=False)
    x = torch.randn(nodes, width, device=device)
    rows = graph.targets
    owner = torch.repeat_interleave(torch.arange(nodes, device=device), rows.indptr.diff())
    source = rows.indices.long()
    # What a mean is as a product: one over the degree at each edge.
    values = (1.0 / rows.indptr.diff().clamp(min=1))[owner]
    matrix = torch.sparse_csr_tensor(rows.indptr, source, values, (nodes, nodes))

    def check() -> None:
        with using(gather_reduce="reference"):
            expected = gather_reduce(x, graph, what)
        for ours, other in zip(gather_reduce(x, graph, what), expected, strict=True):
            assert_close(ours, other, slack=16)

    product = {"sparse matrix product": lambda: matrix @ x} if what == ("mean",) else {}
    peers: dict[str, Run | None] = {"PyG scatter": _scatter(x, source, owner, nodes, what)}
    peers.update(product)
    count = pairs.shape[1]
    met = [Goal(ratio=1, peer=name) for name in peers]
    if device.type == "cuda" and first:
        met.insert(0, Goal(milliseconds=2.2))
    return Case(
        operation="gather_reduce",
        label=label,
        ours=lambda: gather_reduce(x, graph, what),
        peers=peers,
        check=check,
        bytes=4 * (count * (width + 1) + len(what) * nodes * width),
        units=count,
        goals=tuple(met),
        graph=device.type == "cuda",
    )


def _scatter(
    x: Tensor, source: Tensor, owner: Tensor, nodes: int, what: tuple[str, ...]
) -> Run | None:
    """PyG's aggregations over gathered messages."""
    if find_spec("torch_geometric") is None:
        return None
    library = import_module("torch_geometric.nn.aggr")
    layers = [getattr(library, f"{name.capitalize()}Aggregation")() for name in what]
    return lambda: [layer(x[source], owner, dim_size=nodes) for layer in layers]
