"""Everything that could be a ring: components of every window at every level, and their numbers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from apps.fraud.rings.graph import Graph, shrunk
from apps.fraud.rings.measuring import NAMES, measure
from apps.fraud.rings.splitting import LEVELS, labels


@dataclass(frozen=True)
class Candidates:
    """Those of one window, level by level.

    `parent` is the candidate of a lower level that each is a part of, −1 without one: parents come
    before their parts. `member` holds payer codes, those of candidate i from `bounds[i]` to
    `bounds[i + 1]`.
    """

    numbers: np.ndarray  # [candidates, NAMES]
    parent: np.ndarray  # [candidates]
    member: np.ndarray
    bounds: np.ndarray  # [candidates + 1]

    def __len__(self) -> int:
        return len(self.parent)

    def members(self, candidate: int) -> np.ndarray:
        """Codes of the payers of one."""
        return self.member[self.bounds[candidate] : self.bounds[candidate + 1]]

    def number(self, name: str) -> np.ndarray:
        """One number of all."""
        return self.numbers[:, NAMES.index(name)]


def candidates(graph: Graph) -> Candidates:
    """All candidates of a window's graph; one that is the same at several levels comes once."""
    graph, payers = shrunk(graph, LEVELS[0])
    numbers: list[np.ndarray] = []
    parents: list[np.ndarray] = []
    members: list[np.ndarray] = []
    sizes: list[np.ndarray] = []
    above = np.full(graph.payers, -1)
    count = 0
    for label in _levels(graph):
        inside = np.flatnonzero(label >= 0)
        inside = inside[np.argsort(label[inside], kind="stable")]
        size = np.bincount(label[inside])
        first = inside[np.cumsum(size) - size]
        parent = above[first]
        every = np.concatenate([*sizes, np.zeros(0, np.int64)])
        new = (parent < 0) | (every[parent] != size) if count else np.ones(len(size), bool)
        place = np.where(new, count + np.cumsum(new) - 1, parent)
        numbers.append(np.stack([value[new] for value in measure(graph, label).values()], 1))
        parents.append(parent[new])
        sizes.append(size[new])
        members.append(payers[inside[new[label[inside]]]])
        above = np.where(label >= 0, place[np.maximum(label, 0)], -1)
        count += int(new.sum())
    bounds = np.concatenate([[0], np.cumsum(np.concatenate([*sizes, np.zeros(0, np.int64)]))])
    return Candidates(
        numbers=np.concatenate([*numbers, np.zeros((0, len(NAMES)))]),
        parent=np.concatenate([*parents, np.zeros(0, np.int64)]),
        member=np.concatenate([*members, np.zeros(0, np.int64)]),
        bounds=bounds.astype(np.int64),
    )


def _levels(graph: Graph) -> Iterator[np.ndarray]:
    for least in LEVELS:
        label = labels(graph, least)
        if (label >= 0).any():
            yield label
