"""Tallies week by week, and the windows of weeks in which rings are looked for.

A ring shows best against what its members do in the time it acts. So candidates are sought in
windows of two weeks and of eight, each beginning halfway through the one before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from apps.fraud.rings import ties
from apps.fraud.rings.graph import Tally
from apps.fraud.rings.ties import Ties

WEEK_MS = 7 * 86_400_000
SCALES = ((2, 1), (8, 4))
"""Weeks of a window, and weeks from one to the next."""


@dataclass
class Week:
    """What happened in one week; new ties are put in order only when somebody asks.

    `fed` counts payments: a week with an equal count has not changed.
    """

    flows: Ties = field(default_factory=ties.none)
    uses: Ties = field(default_factory=ties.none)
    paid: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    new_flows: list[Ties] = field(default_factory=list)
    new_uses: list[Ties] = field(default_factory=list)
    fed: int = 0

    def pay(self, payer: np.ndarray, amount: np.ndarray, people: int) -> None:
        """Add payments to what each payer paid."""
        self.fed += len(payer)
        self.paid = _padded(self.paid, people)
        np.add.at(self.paid, payer, amount)

    def tally(self, people: int) -> Tally:
        """All of the week, for so many payers."""
        if self.new_flows:
            self.flows = ties.added(self.flows, ties.together(self.new_flows))
            self.new_flows = []
        if self.new_uses:
            self.uses = ties.added(self.uses, ties.together(self.new_uses))
            self.new_uses = []
        return Tally(self.flows, self.uses, _padded(self.paid, people))


def windows(weeks: list[int]) -> Iterator[tuple[int, int]]:
    """First week and length of every window over these weeks; at least one of each scale."""
    if not weeks:
        return
    low, high = min(weeks), max(weeks)
    there = set(weeks)
    for length, step in SCALES:
        first = low - low % step
        for start in range(first, high + 1, step):
            whole = start == first or start + length - step <= high
            if whole and any(week in there for week in range(start, start + length)):
                yield start, length


def _padded(paid: np.ndarray, people: int) -> np.ndarray:
    if len(paid) == people:
        return paid
    return np.concatenate([paid, np.zeros(people - len(paid), np.int64)])
