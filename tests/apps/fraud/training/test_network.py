"""The graph network is PyG's, computed on dense places; it learns; an epoch has all frauds."""

import numpy as np
import torch
from torch_geometric.nn import SAGEConv

from apps.fraud.training.gnn import drawn
from apps.fraud.training.network import convolved


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
