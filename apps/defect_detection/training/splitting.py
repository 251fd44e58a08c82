"""Deals pictures to training and validation when a dataset does not say it itself.

What belongs together stays together: a group (a board, a part, a lot), else pictures that look
nearly the same. The same names, pictures and seed always give the same deal.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NEAR_BITS = 6
"""Fingerprints that differ in at most so many of 64 bits are of the same thing seen twice."""
LARGEST_SHARE, LARGEST_AT_LEAST = 0.1, 4
"""A cluster larger than that share (and number) says that the product always looks the same."""
VAL_SHARE = 0.2


@dataclass(kw_only=True)
class _Unit:
    key: str
    members: list[int] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)


def deal(
    names: Sequence[str],
    groups: Sequence[str],
    fingerprints: Sequence[int],
    classes: Sequence[Mapping[str, int]],
    seed: int,
) -> list[str]:
    """``train`` or ``val`` for each picture; at least one unit each where there are two.

    Args:
        groups: empty where a picture has none.
        fingerprints: 64 bits as a signed integer; of pictures without a group.
        classes: how many boxes of each class a picture has.
    """
    units: dict[str, _Unit] = {}
    for index, key in enumerate(_keys(names, groups, fingerprints)):
        unit = units.setdefault(key, _Unit(key=key))
        unit.members.append(index)
        unit.classes.update(classes[index] or {"": 1})
    total: Counter[str] = sum((unit.classes for unit in units.values()), Counter())
    lacking = {name: VAL_SHARE * number for name, number in total.items()}
    room = VAL_SHARE * len(names)
    # The rarest classes first; within them by chance.
    order = sorted(
        units.values(),
        key=lambda unit: (min(total[name] for name in unit.classes), _chance(unit.key, seed)),
    )
    chosen: list[_Unit] = []
    for unit in order:
        rarest = min(unit.classes, key=lambda name: (total[name], name))
        fits = len(unit.members) <= room + 0.5
        if fits and len(units) > 1 and lacking[rarest] >= unit.classes[rarest] / 2:
            chosen.append(unit)
            room -= len(unit.members)
            for name, number in unit.classes.items():
                lacking[name] -= number
    if not chosen and len(units) > 1:
        chosen = [min(order, key=lambda unit: len(unit.members))]
    found = ["train"] * len(names)
    for unit in chosen:
        for index in unit.members:
            found[index] = "val"
    return found


def _keys(names: Sequence[str], groups: Sequence[str], fingerprints: Sequence[int]) -> list[str]:
    """What each picture belongs to: its group, else its cluster of near-duplicates."""
    loose = [index for index, group in enumerate(groups) if not group]
    cluster = clusters([fingerprints[index] for index in loose])
    members: dict[int, list[str]] = defaultdict(list)
    for index, number in zip(loose, cluster, strict=True):
        members[number].append(names[index])
    keys = [f"group:{group}" for group in groups]
    for index, number in zip(loose, cluster, strict=True):
        keys[index] = f"alike:{min(members[number])}"
    return keys


def clusters(fingerprints: Sequence[int], bits: int = NEAR_BITS) -> list[int]:
    """A number for each fingerprint; those of near-duplicates, directly or through others, share
    one. A cluster that holds too much of the set is taken apart by a stricter limit."""
    values = np.array(fingerprints, dtype=np.int64).view(np.uint64)
    most = max(LARGEST_AT_LEAST, round(LARGEST_SHARE * len(values)))
    label = np.arange(len(values))
    waiting = [(np.arange(len(values)), bits)]
    while waiting:
        members, near = waiting.pop()
        for part in _components(values[members], near):
            whole = members[part]
            if len(whole) > most and near > 0:
                waiting.append((whole, near // 2))
            else:
                # Even equal fingerprints of a whole line's product tell nothing apart.
                label[whole] = whole if len(whole) > most else whole[0]
    return label.tolist()


def _components(values: NDArray[np.uint64], bits: int) -> list[NDArray[np.intp]]:
    """The connected parts of the graph whose edges join values at most `bits` apart."""
    free = np.ones(len(values), bool)
    parts = []
    for start in range(len(values)):
        if not free[start]:
            continue
        free[start] = False
        part, waiting = [start], [start]
        while waiting:
            apart = np.bitwise_count(values ^ values[waiting.pop()])
            new = np.flatnonzero(free & (apart <= bits))
            free[new] = False
            part.extend(new.tolist())
            waiting.extend(new.tolist())
        parts.append(np.array(sorted(part), dtype=np.intp))
    return parts


def _chance(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{key}".encode()).digest()
