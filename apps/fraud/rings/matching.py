"""Told rings beside planted ones: found, missed and false, by the generator's definition."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from apps.fraud.rings.generator import MEMBER_RECALL, OVERLAP, Planted


@dataclass(frozen=True)
class Match:
    """How one detector did: for each planted ring whether it was found, and how many were told."""

    planted: Sequence[Planted]
    found: tuple[bool, ...]
    told: int

    @property
    def recall(self) -> float:
        """Share of planted rings that are found."""
        return sum(self.found) / max(1, len(self.found))

    @property
    def precision(self) -> float:
        """Share of told rings that find one; 1 when nothing is told."""
        return sum(self.found) / self.told if self.told else 1.0


def match(planted: Sequence[Planted], told: Sequence[Set[str]]) -> Match:
    """Give every planted ring the told one that overlaps most with it and finds it, each once."""
    pairs = []
    places: dict[str, list[int]] = {}
    for place, ring in enumerate(planted):
        for member in ring.members:
            places.setdefault(member, []).append(place)
    for other, members in enumerate(told):
        for place in {place for member in members for place in places.get(member, ())}:
            ours = planted[place].members
            common = len(ours & members)
            overlap = common / (len(ours) + len(members) - common)
            if common >= MEMBER_RECALL * len(ours) and overlap >= OVERLAP:
                pairs.append((-overlap, place, other))
    found, used = [False] * len(planted), set()
    for _, place, other in sorted(pairs):
        if not found[place] and other not in used:
            found[place] = True
            used.add(other)
    return Match(planted, tuple(found), len(told))
