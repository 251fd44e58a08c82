"""Plain degree-capped components: what is printed beside the rings, and what a ring has to beat."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apps.fraud.events import ENTITY
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import Columns


def components(columns: Columns, scheme: Scheme, smallest: int = 3) -> list[frozenset[str]]:
    """Payers tied by any shared entity within its degree cap, or by any payment to one another."""
    payers, payer = np.unique(columns[ENTITY + scheme.payer.key], return_inverse=True)
    left, right, nodes = [], [], len(payers)
    caps = {entity.key: entity.degree_cap for entity in scheme.entities}
    for relation in scheme.relations:
        values = columns[ENTITY + relation.shared]
        names, value = np.unique(values, return_inverse=True)
        pairs = np.unique(np.stack([payer, value], 1)[values != ""], axis=0)
        degree = np.bincount(pairs[:, 1], minlength=len(names))
        pairs = pairs[degree[pairs[:, 1]] <= caps[relation.shared]]
        left.append(pairs[:, 0])
        right.append(pairs[:, 1] + nodes)
        nodes += len(names)
    for entity in scheme.of_role("payee"):
        payee = columns[ENTITY + entity.key]
        at = np.minimum(np.searchsorted(payers, payee), len(payers) - 1)
        known = (payers[at] == payee) if len(payers) else np.zeros(0, bool)
        pairs = np.unique(np.stack([payer, at], 1)[known], axis=0)
        degree = np.bincount(pairs[:, 1], minlength=len(payers))
        pairs = pairs[degree[pairs[:, 1]] <= scheme.payer.degree_cap]
        left.append(pairs[:, 0])
        right.append(pairs[:, 1])
    if not len(payers):
        return []
    ends = np.concatenate(left), np.concatenate(right)
    link = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(nodes, nodes))
    part = connected_components(link, directed=False)[1][: len(payers)]
    order = np.argsort(part, kind="stable")
    groups = np.split(payers[order], np.flatnonzero(np.diff(part[order])) + 1)
    return [frozenset(group.tolist()) for group in groups if len(group) >= smallest]
