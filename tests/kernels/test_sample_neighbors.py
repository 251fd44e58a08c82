"""`sample_neighbors` against plain Python, its vectorised definition, and PyG's convolutions."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.nn import SAGEConv

from core_kernels.dispatch.choice import using
from core_kernels.dispatch.sample_neighbors import NeighborTable, sample_hops, sample_neighbors
from core_kernels.errors import ArgumentRefused

WAYS = ["reference", "triton"] if torch.cuda.is_available() else ["reference", "numba", "triton"]
NODES = 7


def history(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Edges with ties in time: node, neighbour, time."""
    times = torch.randint(0, count, (count,)).sort().values
    return torch.randint(NODES, (count,)), torch.randint(5, (count,)), times


def table(edges: tuple[Tensor, Tensor, Tensor], width: int) -> NeighborTable:
    """All edges in one batch."""
    made = NeighborTable.empty(NODES, width)
    made.add(*edges)
    return made


def by_hand(
    edges: tuple[Tensor, Tensor, Tensor], node: int, before: int, width: int, distinct: bool
) -> list[tuple[int, int]]:
    """Neighbour and time of the edges of a node, the newest first."""
    own = [(n, t) for o, n, t in zip(*(e.tolist() for e in edges), strict=True) if o == node]
    found: list[tuple[int, int]] = []
    for neighbor, time in own[-width:][::-1]:
        if time < before and not (distinct and neighbor in [known for known, _ in found]):
            found.append((neighbor, time))
    return found


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("width", "count"), [(6, 4), (5, 9), (1, 1)])
def test_the_newest_edges_before_the_moment_are_found(
    width: int, count: int, way: str, distinct: bool, device: torch.device
) -> None:
    edges = history(60)
    nodes = torch.tensor([*range(NODES), -1])
    before = torch.tensor([0, 10, 30, 40, 59, 60, 1000, 1000])
    with using(sample_neighbors=way):
        block = sample_neighbors(
            nodes.to(device), before.to(device), table(edges, width).to(device), count,
            distinct=distinct,
        )  # fmt: skip
    for row, node in enumerate(nodes.tolist()):
        found = by_hand(edges, node, int(before[row]), width, distinct)[:count] if node >= 0 else []
        padded = found + [(-1, 0)] * (count - len(found))
        assert block.ids[row].tolist() == [neighbor for neighbor, _ in padded]
        assert block.times[row].tolist() == [time for _, time in padded]


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 9),
    count=st.integers(1, 12),
    seen=st.integers(1, 80),
    batch=st.integers(1, 9),
    distinct=st.booleans(),
    way=st.sampled_from(WAYS),
)
def test_any_history_gives_what_is_found_by_hand(
    width: int, count: int, seen: int, batch: int, distinct: bool, way: str
) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    edges = history(seen)
    nodes, before = torch.randint(-1, NODES, (batch,)), torch.randint(0, seen + 2, (batch,))
    given_to = nodes.to(device), before.to(device), table(edges, width).to(device), count
    with using(sample_neighbors=way):
        block = sample_neighbors(*given_to, distinct=distinct)
        draw = sample_neighbors(*given_to, distinct=distinct, order="uniform", seed=seen)
    for row, (node, moment) in enumerate(zip(nodes.tolist(), before.tolist(), strict=True)):
        known = by_hand(edges, node, moment, width, distinct) if node >= 0 else []
        padded = known[:count] + [(-1, 0)] * (count - len(known))
        assert list(zip(block.ids[row].tolist(), block.times[row].tolist(), strict=True)) == padded
        drawn = list(zip(draw.ids[row].tolist(), draw.times[row].tolist(), strict=True))
        assert drawn[min(count, len(known)) :] == [(-1, 0)] * (count - min(count, len(known)))
        assert not Counter(drawn[: min(count, len(known))]) - Counter(known)


@pytest.mark.parametrize("way", WAYS[1:])
def test_a_draw_is_the_same_on_every_path(way: str, device: torch.device) -> None:
    made = table(history(80), 8)
    nodes, before = torch.arange(NODES).repeat(3), torch.full((NODES * 3,), 70)
    blocks = []
    for name in ("reference", way):
        with using(sample_neighbors=name):
            blocks.append(
                sample_neighbors(
                    nodes.to(device), before.to(device), made.to(device), 3, order="uniform", seed=5
                )
            )
    assert torch.equal(blocks[0].ids, blocks[1].ids)
    assert torch.equal(blocks[0].times, blocks[1].times)


def test_a_draw_is_repeatable_and_takes_each_neighbour_as_often() -> None:
    made = NeighborTable.empty(1, 8)
    made.add(torch.zeros(8, dtype=torch.long), torch.arange(8), torch.arange(8))
    nodes, before = torch.zeros(20_000, dtype=torch.long), torch.full((20_000,), 8)
    blocks = [sample_neighbors(nodes, before, made, 2, order="uniform", seed=s) for s in (1, 1, 2)]
    assert torch.equal(blocks[0].ids, blocks[1].ids)
    assert not torch.equal(blocks[0].ids, blocks[2].ids)
    share = torch.bincount(blocks[0].ids.flatten(), minlength=8) / 40_000
    assert (share - 1 / 8).abs().max() < 0.01
    pairs = blocks[0].ids.sort(1).values
    counts = torch.bincount(pairs[:, 0] * 8 + pairs[:, 1]) / 20_000
    assert (counts[counts > 0] - 1 / 28).abs().max() < 0.01


def test_batches_of_edges_make_the_same_table() -> None:
    edges = history(100)
    whole, parts = table(edges, 5), NeighborTable.empty(NODES, 5)
    for start, stop in ((0, 1), (1, 40), (40, 40), (40, 100)):
        parts.add(*(part[start:stop] for part in edges))
    assert torch.equal(whole.ids, parts.ids)
    assert torch.equal(whole.times, parts.times)
    assert torch.equal(whole.heads, parts.heads)


def test_later_edges_change_nothing_for_an_earlier_moment() -> None:
    edges = history(60)
    moment = int(edges[2][30])
    known = tuple(part[edges[2] < moment] for part in edges)
    nodes, before = torch.arange(NODES), torch.full((NODES,), moment)
    then = sample_neighbors(nodes, before, table((known[0], known[1], known[2]), 64), 4)
    now = sample_neighbors(nodes, before, table(edges, 64), 4)
    assert torch.equal(then.ids, now.ids)


def test_hops_keep_the_moment_of_their_seed_and_gather_features() -> None:
    edges = history(80)
    edges = (edges[0] % 5, edges[1], edges[2])
    made = table(edges, 8)
    nodes, before = torch.tensor([0, 3]), torch.tensor([50, 20])
    first, second = sample_hops(nodes, before, [made, made], [3, 2])
    assert second.ids.shape == (6, 2)
    for place, (node, moment) in enumerate(
        zip(first.ids.flatten().tolist(), [50] * 3 + [20] * 3, strict=True)
    ):
        if node < 0:
            assert not second.mask()[place].any()
        else:
            found = [n for n, _ in by_hand(edges, node, moment, 8, True)][:2]
            assert second.ids[place].tolist() == found + [-1] * (2 - len(found))
    x = torch.randn(5, 3)
    gathered = first.features(x)
    assert torch.equal(gathered[first.mask()], x[first.ids[first.mask()].long()])
    assert (gathered[~first.mask()] == 0).all()


def test_a_block_feeds_a_sage_convolution() -> None:
    made = table(history(80), 8)
    nodes = torch.arange(NODES)
    block = sample_neighbors(nodes, torch.full((NODES,), 60), made, 4)
    x = torch.randn(NODES, 6)
    layer = SAGEConv(6, 3)
    told = layer((block.features(x).flatten(0, 1), x[nodes]), block.edge_index())
    count = block.mask().sum(1, keepdim=True).clamp(min=1)
    mean = block.features(x).sum(1) / count
    torch.testing.assert_close(told, layer.lin_l(mean) + layer.lin_r(x[nodes]))


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    made = table(history(50), 4).to(device)
    nodes, before = torch.arange(NODES, device=device), torch.full((NODES,), 40, device=device)
    given = (nodes, before, made.ids, made.times, made.heads, 3, True, True, 1)
    torch.library.opcheck(torch.ops.core_kernels.sample_neighbors, given)
    compiled = torch.compile(
        lambda n, b: sample_neighbors(n, b, made, 3).ids + 1, fullgraph=True, backend="aot_eager"
    )
    assert torch.equal(compiled(nodes, before), sample_neighbors(nodes, before, made, 3).ids + 1)


def test_what_does_not_fit_is_refused_by_name() -> None:
    made = table(history(20), 4)
    nodes, before = torch.arange(3), torch.zeros(3, dtype=torch.long)
    with pytest.raises(ArgumentRefused, match="of one length"):
        sample_neighbors(nodes, before[:2], made, 2)
    with pytest.raises(ArgumentRefused, match="count 0"):
        sample_neighbors(nodes, before, made, 0)
    with pytest.raises(ArgumentRefused, match="outside of the 7"):
        sample_neighbors(nodes + 5, before, made, 2)
    with pytest.raises(ArgumentRefused, match="times go back"):
        made.add(nodes, nodes, torch.tensor([3, 2, 4]))
    with pytest.raises(ArgumentRefused, match="outside of the 7"):
        made.add(nodes + 5, nodes, nodes)
    with pytest.raises(ArgumentRefused, match="1 to 1024 edges"):
        NeighborTable.empty(4, 0)
    with pytest.raises(ArgumentRefused, match="one per hop"):
        sample_hops(nodes, before, [made], [2, 2])
