"""Which candidates are told: of each line of parts the best one, and no payer twice over."""

from dataclasses import dataclass

import numpy as np

from apps.fraud.rings.candidates import Candidates

SHARED = 0.25
"""Share of members that may belong to a better ring already."""


@dataclass(frozen=True)
class Chosen:
    """A candidate that is a ring."""

    window: int
    candidate: int
    score: float
    members: np.ndarray


def choose(windows: list[tuple[Candidates, np.ndarray]], threshold: float) -> list[Chosen]:
    """The rings among the candidates of all windows and their scores, best first.

    A candidate stands for its line when neither what contains it nor any part of it scores higher.
    Then, from the best score down, a ring is dropped that shares more than `SHARED` of its members
    with better ones: the same ring seen in another window.
    """
    told = [
        Chosen(window, int(one), round(float(score[one]), 6), found.members(int(one)))
        for window, (found, score) in enumerate(windows)
        for one in _lines(found, score)
        if score[one] >= threshold
    ]
    told.sort(key=lambda one: (-one.score, -len(one.members), one.window, one.candidate))
    taken: set[int] = set()
    kept = []
    for one in told:
        members = one.members.tolist()
        if sum(member in taken for member in members) <= SHARED * len(members):
            kept.append(one)
            taken.update(members)
    return kept


def _lines(found: Candidates, score: np.ndarray) -> np.ndarray:
    """Candidates that score at least as high as all their parts and stand in nobody's shadow."""
    parent = found.parent.tolist()
    below = [0.0] * len(parent)
    own = score.tolist()
    for one in range(len(parent) - 1, -1, -1):
        if parent[one] >= 0:
            below[parent[one]] = max(below[parent[one]], own[one], below[one])
    closed = [False] * len(parent)
    picked = []
    for one, over in enumerate(parent):
        if over >= 0 and closed[over]:
            closed[one] = True
        elif own[one] >= below[one]:
            closed[one] = True
            picked.append(one)
    return np.array(picked, np.int64)
