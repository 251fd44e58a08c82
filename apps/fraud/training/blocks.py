"""The last transactions of everyone who takes part in a transaction, as they were known then.

One table a kind of entity, sampled by `core_kernels`: for each row and each of its entities the
newest earlier rows of that entity. Rows at the same millisecond do not see each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from apps.fraud.events import ENTITY
from apps.fraud.training.table import Table
from core_kernels.dispatch.sample_neighbors import NeighborTable, sample_neighbors

BATCH = 16_384
"""Rows that are entered and then sampled together, at most."""
KEPT = 64
"""Rows of one entity among them, at most: the ring is so much wider than what is told."""


@dataclass(frozen=True)
class Blocks:
    """Earlier rows.

    Attributes:
        nodes: by entity, [n] the entity's number; −1 where the row has none.
        names: by entity, the identifier of each number.
        rows: by entity, [n, K] int32 numbers of earlier rows, newest first; −1 where there are no
            more.
    """

    nodes: Mapping[str, NDArray[np.int64]]
    names: Mapping[str, NDArray[np.str_]]
    rows: Mapping[str, NDArray[np.int32]]


def numbered(table: Table) -> tuple[dict[str, NDArray[np.int64]], dict[str, NDArray[np.str_]]]:
    """By entity: the number of each row's identifier, −1 where it is empty, and their names."""
    nodes, names = {}, {}
    for entity in table.scheme.entities:
        column = table.events[ENTITY + entity.key]
        name, number = np.unique(column, return_inverse=True)
        nodes[entity.key] = np.where(column == "", -1, number.astype(np.int64))
        names[entity.key] = name
    return nodes, names


def blocks(table: Table, count: int) -> Blocks:
    """The `count` newest earlier rows of each entity of each row."""
    nodes, names = numbered(table)
    time = torch.from_numpy(np.ascontiguousarray(table.time))
    found = {}
    for key, node in nodes.items():
        told = np.full((len(table), count), -1, np.int32)
        there = np.flatnonzero(node >= 0)
        if len(there):
            told[there] = _sampled(torch.from_numpy(node[there]), there, time, count)
        found[key] = told
    return Blocks(nodes, names, found)


def _sampled(
    node: torch.Tensor, rows: NDArray[np.int64], time: torch.Tensor, count: int
) -> NDArray[np.int32]:
    width = min(1024, count + KEPT)
    ring = NeighborTable.empty(nodes=int(node.max()) + 1, width=width)
    numbers = torch.from_numpy(rows)
    out = np.empty((len(rows), count), np.int32)
    for part in _parts(node.numpy()):
        ring.add(node[part], numbers[part], time[numbers[part]])
        block = sample_neighbors(node[part], time[numbers[part]], ring, count)
        out[part] = block.ids.numpy()
    return out


def _parts(node: NDArray[np.int64]) -> Iterator[slice]:
    """Rows in order, cut so that no entity has more than `KEPT` of them in one part.

    Else what came later within a part would push out of the ring what its first rows may see: they
    would tell of the future by what is missing.
    """
    size = len(node)
    order = np.argsort(node, kind="stable")
    behind = np.full(size, size, np.int64)
    same = node[order[:-KEPT]] == node[order[KEPT:]]
    behind[order[:-KEPT][same]] = order[KEPT:][same]
    # From each row on: where some entity comes for one time too many.
    limit = np.minimum.accumulate(behind[::-1])[::-1]
    start = 0
    while start < size:
        stop = int(min(size, start + BATCH, limit[start]))
        yield slice(start, stop)
        start = stop
