"""The graph network is PyG's, computed on dense places; it learns; an epoch has all frauds."""

import numpy as np
import torch
from torch_geometric.nn import SAGEConv

from apps.fraud.training.gnn import drawn
from apps.fraud.training.messages import ranked
from apps.fraud.training.network import convolved, levelled


def test_places_give_what_pygs_convolution_gives_over_the_same_edges() -> None:
    torch.manual_seed(0)
    conv = SAGEConv((6, 6), 4, aggr=["mean", "max"])
    places, target = torch.randn(9, 5, 6), torch.randn(9, 6)
    there = torch.rand(9, 5) < 0.6
    there[3] = False
    rows, columns = there.nonzero(as_tuple=True)
    edges = torch.stack([torch.arange(len(rows)), rows])
    expected = conv((places[rows, columns], target), edges)
    torch.testing.assert_close(convolved(conv, places, there, target), expected)


def test_what_lies_in_empty_places_changes_nothing() -> None:
    torch.manual_seed(0)
    conv = SAGEConv((3, 3), 2, aggr=["mean", "max"])
    places, there = torch.randn(4, 6, 3), torch.rand(4, 6) < 0.5
    other = torch.where(there[..., None], places, torch.full((), 1e6))
    told = [convolved(conv, each, there, torch.zeros(3)) for each in (places, other)]
    torch.testing.assert_close(*told)


def test_an_epoch_has_every_fraud_and_other_honest_rows_that_stand_for_all() -> None:
    label = (np.arange(19_000) % 100 == 0).astype(np.int64)
    rng = np.random.default_rng(0)
    first, weight = drawn(label, 2_000, rng)
    second, _ = drawn(label, 2_000, rng)
    frauds = set(np.flatnonzero(label == 1).tolist())
    assert frauds <= set(first.tolist())
    assert abs(len(first) - 2_000) < 200
    assert np.all(weight[label[first] == 1] == 1.0)
    assert abs(weight.sum() / len(label) - 1) < 0.1
    assert len(set(first.tolist()) & set(second.tolist()) - frauds) < 0.3 * len(first)


def test_levels_are_filled_one_after_the_other() -> None:
    told = levelled(torch.tensor([[0.0, 1.0, 0.375]]), 4).reshape(3, 4)
    assert told[0].tolist() == [-1, -1, -1, -1]
    assert told[1].tolist() == [1, 1, 1, 1]
    assert told[2].tolist() == [1, 0, -1, -1]


def test_ranks_follow_the_rows_that_are_learned_from_and_no_others() -> None:
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=(3_000, 2)).astype(np.float32)
    values[:, 1] = 7.0
    fit = np.arange(2_000)
    told = ranked(values, fit)
    order = np.argsort(values[:, 0])
    assert np.all(np.diff(told[order, 0]) >= 0)
    assert (told[:, 0].min(), told[:, 0].max()) == (0, 1)
    assert abs(np.median(told[fit, 0]) - 0.5) < 0.01
    values[2_000:] *= 1e6
    np.testing.assert_array_equal(ranked(values, fit)[fit], told[fit])
    assert len(np.unique(told[:, 1])) == 1
