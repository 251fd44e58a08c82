"""The features that neighbours change, told again from some of them only.

`around_…` by the formulas of the features. Estimates that are shrunk towards a prior need no other
knowledge: the prior is what the feature says when everybody is counted, solved for.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from apps.fraud.explaining.subgraph import Neighbour, around
from apps.fraud.features.priors import ENTITY, SETTLED
from apps.fraud.scheme import Scheme

ALIKE: Final = "prior_alike"
SHARING: Final = "prior_neighbours"
MIXED: Final = "prior_mixed"


class LeavingOut:
    """Features of one transaction without some of its neighbours.

    Args:
        everybody: the neighbours it was scored with.
        features: as they were.
        history: earlier transactions of the payer.
    """

    def __init__(
        self,
        scheme: Scheme,
        everybody: Sequence[Neighbour],
        features: Mapping[str, float],
        history: int,
    ) -> None:
        self._others = [one.key for one in scheme.entities if one.role != "payer"]
        self._tellers = [(key, around(key)) for key in self._others]
        payees = [one.key for one in scheme.of_role("payee")]
        related = {relation.shared for relation in scheme.relations}
        caps = {one.key: one.degree_cap for one in scheme.entities}
        self._among: dict[str, set[str]] = {
            ALIKE: set(payees[:1]),
            SHARING: {key for key in related if features.get(f"{key}_fan_in", 0) <= caps[key]},
        }
        self._everybody, self._features = tuple(everybody), features
        self._like = 1 - history / (history + SETTLED)

    def __call__(self, some: Sequence[Neighbour]) -> dict[str, float]:
        """The features told from `some` of them."""
        told: dict[str, float] = {}
        for key, teller in self._tellers:
            told |= teller([one for one in some if one.relation == key])
        if len(some) == len(self._everybody):
            return told
        moved = {name: self._estimate(name, some) for name in self._among if name in self._features}
        if MIXED in self._features and len(moved) == len(self._among):
            change = sum(value - self._features[name] for name, value in moved.items())
            told[MIXED] = self._features[MIXED] + self._like * change / 2
        return told | moved

    def _estimate(self, name: str, some: Sequence[Neighbour]) -> float:
        labelled, frauds = self._known(name, self._everybody)
        prior = (self._features[name] * (labelled + ENTITY) - frauds) / ENTITY
        labelled, frauds = self._known(name, some)
        return (frauds + ENTITY * prior) / (labelled + ENTITY)

    def _known(self, name: str, some: Sequence[Neighbour]) -> tuple[int, int]:
        counted = [one for one in some if one.relation in self._among[name]]
        return sum(one.labelled for one in counted), sum(one.frauds for one in counted)
