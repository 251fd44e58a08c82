"""`gather_reduce` against its formula, a dense matrix, PyG's own aggregations, and itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.nn import SAGEConv
from torch_geometric.nn.aggr import MaxAggregation, MeanAggregation, StdAggregation, SumAggregation

from core_kernels.dispatch.choice import using
from core_kernels.dispatch.gather_reduce import Graph, gather_reduce
from core_kernels.errors import ArgumentRefused, NoImplementation
from core_kernels.structures.graph import PIECE
from core_kernels.tolerances import assert_close

ALL = ("sum", "mean", "max", "std")
WAYS = ["triton"] if torch.cuda.is_available() else ["numba", "triton"]
CPU = torch.device("cpu")


def edges(sources: int, targets: int, count: int, *, hub: int = 0) -> Tensor:
    """Random pairs, some of them twice; `hub` more all go to target 1 and come from source 0."""
    pairs = torch.stack([torch.randint(sources, (count,)), torch.randint(targets, (count,))])
    star = torch.stack([torch.randint(sources, (hub,)), torch.ones(hub, dtype=torch.long)])
    return torch.cat([pairs, star, star.flip(0).remainder(max(sources, 1))], 1)


def graph(
    pairs: Tensor, sources: int, targets: int, device: torch.device, *, weighted: bool
) -> Graph:
    """The pairs as a graph, on the device."""
    weights = torch.rand(pairs.shape[1]) + 0.5 if weighted else None
    return Graph.from_edges(pairs, sources=sources, targets=targets, weights=weights).to(device)


def asked(way: str) -> dict[str, str]:
    """Both passes by one implementation."""
    return {"gather_reduce": way, "gather_reduce_backward": way}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("sources", "targets", "count", "hub", "width"),
    [
        (7, 9, 30, 0, 5),
        (4, 6, 11, PIECE + 17, 3),
        (3, 5, 0, 0, 2),
        (2, 1, 5, 0, 1),
        (9, 9, 60, 0, 33),
    ],
)
def test_results_and_gradients_are_the_formulas(
    sources: int, targets: int, count: int, hub: int, width: int, way: str, weighted: bool,
    device: torch.device,
) -> None:  # fmt: skip
    if hub:
        targets = max(targets, sources)
    made = graph(
        edges(sources, targets, count, hub=hub), sources, targets, device, weighted=weighted
    )
    x, up = (
        torch.randn(sources, width, device=device),
        torch.randn(4, targets, width, device=device),
    )
    told = {}
    for name in ("reference", way):
        leaf = x.clone().requires_grad_()
        with using(**asked(name)):
            answers = gather_reduce(leaf, made, ALL)
            (torch.stack(answers) * up).sum().backward()
        assert leaf.grad is not None
        told[name] = [*(one.detach() for one in answers), leaf.grad]
    for ours, expected in zip(told[way], told["reference"], strict=True):
        assert_close(ours, expected, slack=8)


@settings(max_examples=25, deadline=None)
@given(
    sources=st.integers(1, 40),
    targets=st.integers(1, 40),
    count=st.integers(0, 200),
    width=st.integers(1, 40),
    weighted=st.booleans(),
    way=st.sampled_from(WAYS),
)
def test_any_graph_gives_the_results_of_the_formula(
    sources: int, targets: int, count: int, width: int, weighted: bool, way: str
) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    made = graph(edges(sources, targets, count), sources, targets, device, weighted=weighted)
    x = torch.randn(sources, width, device=device)
    with using(gather_reduce="reference"):
        expected = gather_reduce(x, made, ALL)
    with using(gather_reduce=way):
        answers = gather_reduce(x, made, ALL)
    for ours, wanted in zip(answers, expected, strict=True):
        assert_close(ours, wanted, slack=8)


def test_the_formula_is_that_of_a_dense_matrix() -> None:
    pairs = edges(6, 8, 40)
    made = graph(pairs, 6, 8, CPU, weighted=False)
    dense = torch.zeros(8, 6, dtype=torch.float64)
    dense.index_put_((pairs[1], pairs[0]), torch.ones(pairs.shape[1]).double(), accumulate=True)
    x = torch.randn(6, 5, dtype=torch.float64)
    degree = dense.sum(1, keepdim=True).clamp(min=1)
    total, mean, largest, spread = gather_reduce(x, made, ALL)
    assert_close(total, dense @ x)
    assert_close(mean, dense @ x / degree)
    variance = (dense @ x.square()) / degree - (dense @ x / degree).square()
    assert_close(spread, torch.where(variance > 1e-5, variance.clamp(min=0).sqrt(), 0.0), slack=100)
    reached = torch.where(dense[:, :, None] > 0, x[None], float("-inf")).amax(1)
    assert_close(largest, torch.where(reached.isinf(), 0.0, reached))


@pytest.mark.parametrize("way", WAYS)
def test_pygs_aggregations_give_the_same(way: str, device: torch.device) -> None:
    pairs = edges(30, 25, 200)
    made = graph(pairs, 30, 25, device, weighted=False)
    x = torch.randn(30, 12)
    source, target = pairs
    peers = (SumAggregation(), MeanAggregation(), MaxAggregation(), StdAggregation())
    with using(**asked(way)):
        answers = gather_reduce(x.to(device), made, ALL)
    for ours, peer in zip(answers, peers, strict=True):
        assert_close(ours.cpu(), peer(x[source], target, dim_size=25), slack=4)


@pytest.mark.parametrize("way", WAYS)
def test_a_sage_convolution_comes_out_the_same(way: str, device: torch.device) -> None:
    pairs = edges(20, 20, 90)
    layer = SAGEConv(6, 4)
    x = torch.randn(20, 6)
    made = graph(pairs, 20, 20, device, weighted=False)
    with using(**asked(way)):
        (mean,) = gather_reduce(x.to(device), made)
    assert_close(layer.lin_l(mean.cpu()) + layer.lin_r(x), layer(x, pairs), slack=4)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_of_the_formula_holds_in_float64(weighted: bool) -> None:
    made = graph(edges(5, 6, 25), 5, 6, CPU, weighted=weighted)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    with using(**asked("reference")):
        assert torch.autograd.gradcheck(lambda x: gather_reduce(x, made, ALL), (x,))


@pytest.mark.parametrize("way", WAYS)
def test_large_alike_messages_keep_the_digits_of_their_deviation(
    way: str, device: torch.device
) -> None:
    count = PIECE + 200
    x = (torch.arange(count) % 7).float()[:, None] * 0.25 + 4096
    star = torch.stack([torch.arange(count), torch.zeros(count, dtype=torch.long)])
    made = graph(star, count, 1, device, weighted=False)
    with using(**asked(way)):
        (spread,) = gather_reduce(x.to(device), made, ("std",))
    expected = x.double().std(correction=0)
    assert spread.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_half_precision_is_summed_in_fp32_or_refused(way: str, device: torch.device) -> None:
    made = graph(edges(3, 4, 200), 3, 4, device, weighted=False)
    x = (torch.rand(3, 4) + 1).half().to(device)
    if way == "numba":
        with using(**asked(way)), pytest.raises(NoImplementation, match="float16"):
            gather_reduce(x, made)
        return
    with using(**asked(way)):
        ours = gather_reduce(x, made, ("mean", "max"))
    with using(**asked("reference")):
        expected = gather_reduce(x.float(), made, ("mean", "max"))
    for one, other in zip(ours, expected, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_a_number_reaches_its_targets_only(way: str, device: torch.device) -> None:
    x = torch.randn(4, 2, device=device)
    x[2, 1] = float("nan")
    pairs = torch.tensor([[0, 1, 2, 3, 2], [0, 0, 1, 1, 2]])
    with using(**asked(way)):
        for answer in gather_reduce(x, graph(pairs, 4, 3, device, weighted=False), ALL):
            assert answer[:, 0].isfinite().all()
            assert answer[:, 1].isnan().tolist() == [False, True, True]


@pytest.mark.parametrize("way", WAYS)
def test_a_second_run_gives_the_same_bits(way: str, device: torch.device) -> None:
    made = graph(edges(6, 6, 40, hub=PIECE + 9), 6, 6, device, weighted=True)
    x = torch.randn(6, 6, device=device, requires_grad=True)
    runs = []
    with using(**asked(way)):
        for _ in range(2):
            answers = gather_reduce(x, made, ALL)
            (gradient,) = torch.autograd.grad(torch.stack(answers).square().sum(), x)
            runs.append([*answers, gradient])
    assert all(torch.equal(*pair) for pair in zip(*runs, strict=True))


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    made = graph(edges(6, 6, 30), 6, 6, device, weighted=True)
    x = torch.randn(6, 4, device=device, requires_grad=True)
    rows, back = made.targets, made.back
    assert back is not None
    given = (
        x, rows.indptr, rows.indices, made.weights, rows.pieces, rows.long, "sx", True,
        back.indptr, back.indices, back.edges, back.pieces, back.long,
    )  # fmt: skip
    torch.library.opcheck(torch.ops.core_kernels.gather_reduce, given)
    compiled = torch.compile(
        lambda x: gather_reduce(x, made, ("mean", "max"))[0] * 2,
        fullgraph=True,
        backend="aot_eager",
    )
    (eager,) = gather_reduce(x, made, ("mean",))
    assert_close(compiled(x), eager * 2)
    compiled(x).sum().backward()
    assert x.grad is not None


def test_calls_that_do_not_fit_are_refused_by_name(device: torch.device) -> None:
    pairs = edges(5, 6, 12)
    made = graph(pairs, 5, 6, device, weighted=False)
    with pytest.raises(ArgumentRefused, match=r"give \[5, features\]"):
        gather_reduce(torch.randn(6, 2, device=device), made)
    with pytest.raises(ArgumentRefused, match="give some of sum, mean, max, std"):
        gather_reduce(torch.randn(5, 2, device=device), made, ("median",))
    still = Graph.from_edges(pairs, sources=5, targets=6, train=False).to(device)
    with pytest.raises(ArgumentRefused, match="train=False"):
        gather_reduce(torch.randn(5, 2, device=device, requires_grad=True), still)
    with pytest.raises(ArgumentRefused, match="outside of the 6"):
        Graph.from_edges(pairs + 100, sources=500, targets=6)
    with pytest.raises(ArgumentRefused, match="there are 5 sources"):
        Graph.from_csr(torch.tensor([0, 1]), torch.tensor([7]), sources=5)
    with pytest.raises(ArgumentRefused, match="rise from 0"):
        Graph.from_csr(torch.tensor([0, 3, 2]), torch.tensor([0, 1]), sources=5)
