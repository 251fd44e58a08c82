"""Rows that use an identifier again."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from apps.fraud.tables.layouts import hashed_rows
from apps.fraud.tables.raw import matrix


@dataclass(frozen=True)
class Repeats:
    """Rows by the first row with their identifier: that say the same, that say something else."""

    same: dict[int, int] = field(default_factory=dict)
    other: dict[int, int] = field(default_factory=dict)


def repeats(ids: np.ndarray, columns: Sequence[np.ndarray], skip: np.ndarray) -> Repeats:
    """Compare the rows of each identifier with its first row; rows of `skip` are left out.

    The hash only finds candidates: identifiers and values are compared themselves.
    """
    rows = np.flatnonzero(~skip)
    if len(rows) < 2:
        return Repeats()
    hashes = hashed_rows(matrix(ids)[rows])
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(again):
        return Repeats()
    candidates = rows[np.sort(np.unique(np.concatenate([order[again], order[again + 1]])))]
    first: dict[str, int] = {}
    found = Repeats()
    for row in candidates.tolist():
        earlier = first.setdefault(str(ids[row]), row)
        if earlier != row:
            same = all(_equal(column[row], column[earlier]) for column in columns)
            (found.same if same else found.other)[row] = earlier
    return found


def _equal(a: object, b: object) -> bool:
    return bool(a == b or (a != a and b != b))
