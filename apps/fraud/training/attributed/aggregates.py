"""What trees are told of a node's neighbours: means, maxima and deviations of one and two hops.

Tang, Hua, Gao, Zhao and Li, "GADBench", NeurIPS 2023: trees over neighbour aggregates beat most
graph networks. Nothing here knows a label.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from apps.fraud.training.attributed.graph import AttributedGraph
from core_kernels.dispatch.gather_reduce import Graph, gather_reduce

STEADY = 1e-9
"""A column whose deviation is a smaller part of its mean differs by its rounding only."""


def graph_of(graph: AttributedGraph, *, train: bool = False) -> Graph:
    """Its edges for `gather_reduce`."""
    nodes = len(graph.features)
    edges = torch.from_numpy(graph.edges)
    return Graph.from_edges(edges, sources=nodes, targets=nodes, train=train)


def aggregates(graph: AttributedGraph) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names and [N, …] float32: a node's own features, and those of its neighbours.

    Of one hop mean, largest, deviation and how far the node is from the mean; of two hops the mean
    of the means and the mean of the deviations, and the degrees of both. Every feature is first
    divided by a power of two near its own deviation: trees do not mind, and the deviations of small
    or enormous features are neither taken for nothing nor infinite.
    """
    x = torch.from_numpy(_near_one(graph.features))
    around = graph_of(graph)
    degree = torch.from_numpy(np.bincount(graph.edges[1], minlength=len(x)).astype(np.float32))
    mean, largest, spread = gather_reduce(x, around, ("mean", "max", "std"))
    level = torch.log1p(degree)[:, None]
    near, top = gather_reduce(level, around, ("mean", "max"))
    mean2, spread2 = gather_reduce(mean, around, ("mean", "std"))
    parts = {
        "own": x, "degree": level, "mean": mean, "max": largest, "std": spread, "away": x - mean,
        "degrees": torch.cat([near, top], dim=1), "mean2": mean2, "std2": spread2,
    }  # fmt: skip
    names = tuple(f"{key}_{at}" for key, part in parts.items() for at in range(part.shape[1]))
    return names, torch.cat(list(parts.values()), dim=1).numpy()


def _near_one(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, F] with every column's deviation between 1 and 2; steady ones as they are."""
    spread, mean = features.std(axis=0, dtype=np.float64), features.mean(axis=0, dtype=np.float64)
    steps = np.floor(np.log2(np.where(spread > STEADY * np.abs(mean), spread, 1.0)))
    return np.ldexp(features, -steps.astype(np.int32)).astype(np.float32)
