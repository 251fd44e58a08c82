"""Records that look nearly the same, by the number of bits in which their fingerprints differ.

Two fingerprints of 64 bits that differ in at most `NEAR_BITS` are of the same thing seen twice: a
copy in another size, a frame right after, the same part photographed again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR_BITS = 6
LARGEST_SHARE = 0.05
LARGEST_AT_LEAST = 20
"""A cluster above that share of all records (and that many) says that the product looks the same
every time, not that pictures are copies: it is taken apart again by a stricter limit."""
_BANDS = 8
_TOGETHER = 2048


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Who looks like whom.

    Attributes:
        of: the cluster's number by record; records that look like no other have one of their own.
        alike: records in clusters of two and more.
        uniform: records that look too much like a large share of the others to be told apart.
    """

    of: Mapping[int, int]
    alike: int
    uniform: int

    def groups(self) -> list[list[int]]:
        """The clusters of two and more records, largest first."""
        members: dict[int, list[int]] = {}
        for record, cluster in self.of.items():
            members.setdefault(cluster, []).append(record)
        found = [sorted(each) for each in members.values() if len(each) > 1]
        return sorted(found, key=lambda each: (-len(each), each))


def clusters(fingerprints: Mapping[int, int], bits: int = NEAR_BITS) -> Clusters:
    """Group records whose fingerprints differ in at most `bits`, directly or through others.

    Args:
        fingerprints: 64 bits as a signed integer, by record.
    """
    keys = sorted(fingerprints)
    values = np.array([fingerprints[key] for key in keys], dtype=np.int64).view(np.uint64)
    limit = max(LARGEST_AT_LEAST, round(LARGEST_SHARE * len(keys)))
    label = np.arange(len(keys))
    waiting = [(np.arange(len(keys)), bits)]
    uniform: set[int] = set()
    while waiting:
        members, near = waiting.pop()
        for part in _components(values[members], near):
            whole = members[part]
            if len(whole) <= limit:
                label[whole] = whole[0]
            elif near > 0:
                waiting.append((whole, near // 2))
            else:
                uniform.update(whole.tolist())
    of = {key: int(label[index]) for index, key in enumerate(keys)}
    sizes = np.bincount(label, minlength=len(keys)) if len(keys) else np.zeros(0, dtype=np.intp)
    return Clusters(of=of, alike=int(sizes[sizes > 1].sum()), uniform=len(uniform))


def _components(values: NDArray[np.uint64], bits: int) -> list[NDArray[np.intp]]:
    """The connected parts of the graph whose edges join values at most `bits` apart."""
    parent = np.arange(len(values))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = int(parent[index])
        return index

    for left, right in near_pairs(values, bits):
        a, b = root(left), root(right)
        if a != b:
            parent[max(a, b)] = min(a, b)
    roots = np.array([root(index) for index in range(len(values))], dtype=np.intp)
    order = np.argsort(roots, kind="stable")
    cuts = np.flatnonzero(np.diff(roots[order])) + 1
    return list(np.split(order, cuts)) if len(values) else []


def near_pairs(values: NDArray[np.uint64], bits: int) -> Sequence[tuple[int, int]]:
    """Pairs of positions whose values differ in at most `bits` (below `_BANDS`), enough of them to
    connect all that are near.

    With fewer differing bits than bands, one of the eight bytes is equal: only values that share a
    byte at the same place are compared. Equal values are chained, not compared with each other.
    """
    distinct, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    found: set[tuple[int, int]] = {
        (int(first[where]), index)
        for index, where in enumerate(inverse.tolist())
        if int(first[where]) != index
    }
    if bits == 0:
        return sorted(found)
    if bits >= _BANDS:
        raise ValueError(f"bits={bits} is too many: at most {_BANDS - 1} are compared.")
    for band in range(_BANDS):
        byte = (distinct >> np.uint64(8 * band)) & np.uint64(0xFF)
        order = np.argsort(byte, kind="stable")
        cuts = np.flatnonzero(np.diff(byte[order])) + 1
        for bucket in np.split(order, cuts):
            for start in range(0, len(bucket), _TOGETHER):
                rows = bucket[start : start + _TOGETHER]
                apart = np.bitwise_count(distinct[rows][:, None] ^ distinct[bucket][None, :])
                for left, right in np.argwhere(apart <= bits).tolist():
                    a, b = int(first[rows[left]]), int(first[bucket[right]])
                    if a < b:
                        found.add((a, b))
    return sorted(found)
