"""Candidates: connected components of ties above rising weights, each a part of one below it."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apps.fraud.rings.graph import Graph

LEVELS = (0.16, 0.2, 0.24, 0.28, 0.32, 0.36, 0.4, 0.45, 0.5, 0.56, 0.63, 0.7, 0.78)
"""Least weights of ties."""
LARGEST = 200
"""Payers of a candidate at most; larger components only yield their parts."""


def labels(graph: Graph, least: float) -> np.ndarray:
    """The component of each payer by ties of at least this weight; −1 where it is below 3 payers
    or above `LARGEST`. Components are numbered from 0 by their first payer."""
    flow, use = graph.flow_weight >= least, graph.use_weight >= least
    left = np.concatenate([graph.flows.left[flow], graph.uses.left[use]])
    right = np.concatenate([graph.flows.right[flow], graph.uses.right[use] + graph.payers])
    nodes = graph.payers + graph.entities
    link = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(nodes, nodes))
    _, part = connected_components(link, directed=False)
    part = part[: graph.payers]
    size = np.bincount(part, minlength=1)
    fits = (size[part] >= 3) & (size[part] <= LARGEST)
    told = np.full(graph.payers, -1)
    kept, first = np.unique(part[fits], return_index=True)
    rank = np.empty(len(kept), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(kept))
    told[fits] = rank[np.searchsorted(kept, part[fits])]
    return told
