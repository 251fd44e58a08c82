"""Deals the units of a dataset (a group, a cluster of near-duplicates, a record) to its splits.

A unit is never torn apart. The same units, shares and seed always give the same deal.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loupe.datasets.models import Split

DEFAULT_SHARES: Mapping[str, float] = {Split.TRAIN: 0.7, Split.VAL: 0.2, Split.TEST: 0.1}


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Records that stay together.

    Attributes:
        key: names it for good: what the deal depends on.
        size: records.
        classes: how many of its records show each class; ``""`` counts those without any label.
        fixed: the split it has already, if any.
    """

    key: str
    size: int
    classes: Mapping[str, int] = field(default_factory=dict)
    fixed: str = ""


def deal(units: Sequence[Unit], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """The split of each unit, by its key.

    Units that have a split keep it. The others go, those with the rarest class first, to the split
    that lacks most of that class and then of records (iterative stratification after Sechidis,
    Tsoumakas and Vlahavas 2011, on units instead of single examples).
    """
    names = [name for name, share in shares.items() if share > 0]
    found = {unit.key: unit.fixed for unit in units if unit.fixed}
    total: Counter[str] = Counter()
    for unit in units:
        total.update(unit.classes)
    records = sum(unit.size for unit in units)
    lacking = {name: {each: total[each] * shares[name] for each in total} for name in names}
    room = {name: records * shares[name] for name in names}

    def place(unit: Unit, split: str) -> None:
        found[unit.key] = split
        if split in room:
            room[split] -= unit.size
            for each, number in unit.classes.items():
                lacking[split][each] -= number

    for unit in units:
        if unit.fixed:
            place(unit, unit.fixed)
    free = [unit for unit in units if not unit.fixed]
    shuffled = sorted(free, key=lambda unit: _order(unit.key, seed))
    # Large units first: what comes last can still even things out.
    for unit in sorted(shuffled, key=lambda unit: (_rarity(unit, total), -unit.size)):
        rarest = min(unit.classes, key=lambda each: (total[each], each), default="")
        best = max(
            names,
            key=lambda name: (lacking[name].get(rarest, 0.0), room[name], -names.index(name)),
        )
        place(unit, best)
    return found


def _rarity(unit: Unit, total: Mapping[str, int]) -> int:
    return min((total[each] for each in unit.classes), default=1 << 60)


def _order(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{key}".encode()).digest()
