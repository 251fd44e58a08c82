"""From the network's integers to features; see `layout` for where each number lies."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features import layout as at
from apps.fraud.features.feature import Feature
from apps.fraud.features.formulas import Array, Step
from apps.fraud.features.loops import filling as by
from apps.fraud.features.network_catalogue import categories, related
from apps.fraud.features.priors import Floats, Known, Priors
from apps.fraud.scheme import Scheme

_WHERE: Final[Mapping[str, int]] = {"around": at.AROUND, "own": at.OWN, "kin": at.KIN}
_FIGURES: Final[Mapping[str, tuple[int, int, int]]] = {
    "count": (by.AS_IT_IS, at.COUNT, at.COUNT),
    "risk": (by.DAMPED, at.G_FRAUDS, at.G_LABELLED),
    "top_risk": (by.DAMPED, at.TOP_FRAUDS, at.TOP_LABELLED),
    "amount": (by.SHARE, at.G_SUM, at.WEIGHT),
    "degree": (by.SHARE, at.G_DEGREE, at.COUNT),
}
"""Of a group of neighbours."""
_OF_OTHER: Final[Mapping[str, tuple[int, int]]] = {
    "met": (by.AS_IT_IS, at.MET),
    "met_since": (by.SECONDS, at.MET_SINCE),
    "fan_in": (by.AS_IT_IS, at.DEGREE_OF),
}
_ONCE: Final[Mapping[str, tuple[int, int]]] = {
    "returned": (by.SECONDS, at.RETURNED),
    "received": (by.SECONDS, at.RECEIVED),
    "cycles": (by.AS_IT_IS, at.CYCLES),
}


class Places:
    """Where the network's answers about an event lie, for one scheme.

    Attributes:
        node: by entity, the first row of its own labels.
        values: category attributes, in order.
        segments: the first row of the segments' labels.
        other: by entity but the payer, the first row of its answers.
        category: by category attribute, the row of its meetings.
    """

    def __init__(self, scheme: Scheme) -> None:
        kinds = [entity.key for entity in scheme.entities]
        self.node = {key: at.ONCE + at.PER_NODE * kind for kind, key in enumerate(kinds)}
        self.values = [key for key, _, _ in categories(scheme)]
        self.segments = at.ONCE + at.PER_NODE * len(kinds)
        nodes = len(kinds) + len(self.values) + 2
        base = at.ONCE + at.PER_NODE * nodes
        others = [key for key in kinds if key != scheme.payer.key]
        self.other = {key: base + at.PER_OTHER * x for x, key in enumerate(others)}
        last = base + at.PER_OTHER * len(others)
        self.category = {key: last + number for number, key in enumerate(self.values)}

    def step(self, feature: Feature) -> Step | None:
        """How a feature is made of rows of the answers; None where it takes more than that."""
        where, dot, figure = feature.what.partition(".")
        if dot:
            formula, *parts = _FIGURES[figure]
            start = self.other[feature.entity] + _WHERE[where]
            return formula, *(start + part for part in parts)
        if feature.what in _OF_OTHER:
            formula, part = _OF_OTHER[feature.what]
            return formula, self.other[feature.entity] + part
        return _ONCE.get(feature.what)


class NetworkTold:
    """The answers of the network about one batch, by what they are.

    Args:
        scheme: of the project, with its `places`.
        out: [width, n] as `Network.feed` returns it.
        there: by entity, [n] whether the event has one.
    """

    def __init__(
        self, scheme: Scheme, places: Places, out: Array, there: Mapping[str, NDArray[np.bool_]]
    ) -> None:
        self.out = out
        self._scheme, self._places, self._there = scheme, places, there

    @property
    def history(self) -> Array:
        """[n] earlier events of the payer."""
        told: Array = self.out[at.HISTORY]
        return told

    def priors(self) -> Priors:
        """What is expected of each event."""
        places = self._places
        payees = [entity.key for entity in self._scheme.of_role("payee")]
        none = np.zeros_like(self.history)
        count = len(places.values) + 2
        segments = [self._known(places.segments + 2 * n) for n in range(count)]
        labelled, frauds = none, none
        for entity in self._scheme.entities:
            if entity.key in related(self._scheme):
                open_ = self._of(entity.key, at.DEGREE_OF) <= entity.degree_cap
                labelled = labelled + open_ * self._of(entity.key, at.AROUND + at.G_LABELLED)
                frauds = frauds + open_ * self._of(entity.key, at.AROUND + at.G_FRAUDS)
        return Priors(
            everything=self._known(at.TOLD_LABELLED),
            values=segments[:-2],
            joint=segments[-2],
            behaviour=segments[-1],
            alike=self._group(payees[0], at.AROUND) if payees else (none, none),
            neighbours=(labelled, frauds),
            history=self.history,
            payer=self._known(places.node[self._scheme.payer.key]),
        )

    def feature(self, feature: Feature, priors: Priors) -> Floats | NDArray[np.bool_]:
        """[n] one feature of which `Places.step` knows no step."""
        return _TOLD[feature.what](self, feature.entity, priors)

    def _known(self, row: int) -> Known:
        return self.out[row], self.out[row + 1]

    def _of(self, entity: str, offset: int) -> Array:
        told: Array = self.out[self._places.other[entity] + offset]
        return told

    def _group(self, entity: str, where: int) -> Known:
        return self._of(entity, where + at.G_LABELLED), self._of(entity, where + at.G_FRAUDS)

    def _new(self, entity: str) -> NDArray[np.bool_]:
        both = self._there[entity] & self._there[self._scheme.payer.key]
        new: NDArray[np.bool_] = both & (self._of(entity, at.MET) == 0)
        return new

    def _new_value(self, attribute: str) -> NDArray[np.bool_]:
        payer = self._there[self._scheme.payer.key]
        new: NDArray[np.bool_] = payer & (self.out[self._places.category[attribute]] == 0)
        return new

    def _value(self, attribute: str, priors: Priors) -> Floats:
        return priors.values[self._places.values.index(attribute)]


_TOLD: Final[Mapping[str, Callable[[NetworkTold, str, Priors], Floats | NDArray[np.bool_]]]] = {
    "new": lambda told, key, _: told._new(key),
    "new_value": lambda told, key, _: told._new_value(key),
    "prior_all": lambda _, __, priors: priors.everything,
    "prior_value": lambda told, key, priors: told._value(key, priors),
    "prior_segment": lambda _, __, priors: priors.segment,
    "prior_behaviour": lambda _, __, priors: priors.behaviour,
    "prior_entity": lambda told, key, priors: priors.entity(told._known(told._places.node[key])),
    "prior_alike": lambda _, __, priors: priors.alike,
    "prior_neighbours": lambda _, __, priors: priors.neighbours,
    "prior_mixed": lambda _, __, priors: priors.mixed,
}
