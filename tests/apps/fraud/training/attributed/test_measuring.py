"""The ladder on drawn graphs: neighbours help where they tell something; ours equals the peer."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from apps.fraud.training.attributed.aggregates import _near_one, aggregates
from apps.fraud.training.attributed.drawing import drawn
from apps.fraud.training.attributed.graph import AttributedGraph, checked
from apps.fraud.training.attributed.measuring import GraphPlan, lines, measure_graph
from apps.fraud.training.attributed.networks import _scaled


def graph(*, signal: bool, nodes: int = 1_200) -> AttributedGraph:
    return checked("drawn", drawn(nodes, signal=signal))


def test_aggregates_are_those_of_a_sparse_matrix() -> None:
    one = graph(signal=True, nodes=300)
    features = _near_one(one.features)
    names, values = aggregates(one)
    told = {name: values[:, at] for at, name in enumerate(names)}
    size = len(one.labels)
    beside = sparse.csr_matrix((np.ones(one.edges.shape[1]), one.edges[::-1]), shape=(size, size))
    degree = np.asarray(beside.sum(axis=1)).ravel()
    some = degree > 0
    mean = np.zeros((size, features.shape[1]))
    mean[some] = (beside @ features)[some] / degree[some, None]
    mean2 = np.zeros_like(mean)
    mean2[some] = (beside @ mean)[some] / degree[some, None]
    for at in range(mean.shape[1]):
        np.testing.assert_allclose(told[f"mean_{at}"], mean[:, at], atol=1e-5)
        np.testing.assert_allclose(told[f"mean2_{at}"], mean2[:, at], atol=1e-5)
    np.testing.assert_allclose(told["degree_0"], np.log1p(degree), atol=1e-6)
    node = int(np.argmax(degree))
    beside_it = features[one.edges[0][one.edges[1] == node]]
    for at in range(mean.shape[1]):
        assert told[f"max_{at}"][node] == beside_it[:, at].max()
        assert told[f"std_{at}"][node] == pytest.approx(beside_it[:, at].std(), abs=1e-5)


@pytest.mark.parametrize("size", [1e-6, 1e25])
def test_the_size_of_features_changes_nothing_that_trees_or_networks_are_told(size: float) -> None:
    one = graph(signal=True, nodes=300)
    other = replace(one, features=(one.features * np.float32(size)).astype(np.float32))
    names, values = aggregates(one)
    _, scaled = aggregates(other)
    assert np.isfinite(scaled).all()
    for at, name in enumerate(names):
        if name.startswith("std"):
            # Of the same shape, whatever the power of two.
            told, again = values[:, at].astype(float), scaled[:, at].astype(float)
            assert np.corrcoef(told, again)[0, 1] == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(_scaled(other, 0), _scaled(one, 0), atol=1e-4)


@pytest.mark.slow
def test_neighbours_gain_five_points_where_the_graph_tells_something() -> None:
    said = measure_graph(graph(signal=True), GraphPlan(seeds=3, networks=False))
    gain = said["gains"]["graph_over_flat"]["average_precision"]
    assert gain["low"] > 0.05
    assert any("gain" in line for line in lines(said))


@pytest.mark.slow
def test_a_loss_is_printed_where_it_tells_nothing() -> None:
    said = measure_graph(graph(signal=False), GraphPlan(seeds=3, networks=False))
    gain = said["gains"]["graph_over_flat"]["average_precision"]["value"]
    assert gain < 0.05
    assert any(("lose" if gain <= 0 else "gain") in line for line in lines(said))


@pytest.mark.slow
def test_our_graphsage_is_within_a_point_of_plain_pyg() -> None:
    said = measure_graph(graph(signal=True), GraphPlan(seeds=2, epochs=25))
    assert abs(said["gains"]["ours_over_pyg"]["auc"]["value"]) <= 0.01
    row = next(one for one in said["ladder"] if one["model"] == "graphsage")
    flat = next(one for one in said["ladder"] if one["model"] == "xgboost_flat")
    assert row["auc"] > flat["auc"]
    assert len(said["network_curves"]["graphsage"]) == 25
    assert {"model", "auc", "average_precision", "recall_at_k"} <= set(row)
    json.dumps(said, allow_nan=False)
