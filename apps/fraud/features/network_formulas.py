"""From the network's integers to features; see `layout` for where each number lies."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features import layout as at
from apps.fraud.features.feature import Feature
from apps.fraud.features.formulas import Array, Floats, mean, seconds, share
from apps.fraud.features.network_catalogue import categories, related
from apps.fraud.features.priors import Known, Priors
from apps.fraud.scheme import Scheme

_WHERE: Final[Mapping[str, int]] = {"around": at.AROUND, "own": at.OWN, "kin": at.KIN}


class NetworkTold:
    """The answers of the network about one batch, by what they are.

    Args:
        scheme: of the project.
        out: [width, n] as `Network.feed` returns it.
        there: by entity, [n] whether the event has one.
    """

    def __init__(self, scheme: Scheme, out: Array, there: Mapping[str, NDArray[np.bool_]]) -> None:
        self._scheme, self._out, self._there = scheme, out, there
        kinds = [entity.key for entity in scheme.entities]
        self._node = {key: at.ONCE + at.PER_NODE * kind for kind, key in enumerate(kinds)}
        self._values = [key for key, _, _ in categories(scheme)]
        self._first_segment = at.ONCE + at.PER_NODE * len(kinds)
        nodes = len(kinds) + len(self._values) + 2
        base = at.ONCE + at.PER_NODE * nodes
        others = [key for key in kinds if key != scheme.payer.key]
        self._other = {key: base + at.PER_OTHER * x for x, key in enumerate(others)}
        last = base + at.PER_OTHER * len(others)
        self._category = {key: last + number for number, key in enumerate(self._values)}

    @property
    def history(self) -> Array:
        """[n] earlier events of the payer."""
        told: Array = self._out[at.HISTORY]
        return told

    def priors(self) -> Priors:
        """What is expected of each event."""
        payees = [entity.key for entity in self._scheme.of_role("payee")]
        none = np.zeros_like(self.history)
        segments = [self._known(self._first_segment + 2 * n) for n in range(len(self._values) + 2)]
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
            payer=self._known(self._node[self._scheme.payer.key]),
        )

    def feature(self, feature: Feature, priors: Priors) -> Floats | Array | NDArray[np.bool_]:
        """[n] one feature."""
        where, dot, figure = feature.what.partition(".")
        if dot:
            return self._figure(feature.entity, _WHERE[where], figure)
        return _TOLD[feature.what](self, feature.entity, priors)

    def _known(self, row: int) -> Known:
        return self._out[row], self._out[row + 1]

    def _of(self, entity: str, offset: int) -> Array:
        told: Array = self._out[self._other[entity] + offset]
        return told

    def _group(self, entity: str, where: int) -> Known:
        return self._of(entity, where + at.G_LABELLED), self._of(entity, where + at.G_FRAUDS)

    def _figure(self, entity: str, where: int, figure: str) -> Floats | Array:
        def told(offset: int) -> Array:
            return self._of(entity, where + offset)

        if figure == "count":
            return told(at.COUNT)
        if figure == "risk":
            return damped(told(at.G_FRAUDS), told(at.G_LABELLED))
        if figure == "top_risk":
            return damped(told(at.TOP_FRAUDS), told(at.TOP_LABELLED))
        if figure == "amount":
            return mean(told(at.G_SUM), told(at.WEIGHT))
        return share(told(at.G_DEGREE), told(at.COUNT))

    def _new(self, entity: str) -> NDArray[np.bool_]:
        both = self._there[entity] & self._there[self._scheme.payer.key]
        new: NDArray[np.bool_] = both & (self._of(entity, at.MET) == 0)
        return new

    def _new_value(self, attribute: str) -> NDArray[np.bool_]:
        payer, before = self._there[self._scheme.payer.key], self._out[self._category[attribute]]
        new: NDArray[np.bool_] = payer & (before == 0)
        return new


def damped(frauds: Array, labelled: Array) -> Floats:
    """frauds / (labelled + `layout.DAMP`): one fraud of one event is not all."""
    return frauds / (labelled + float(at.DAMP))


_TOLD: Final[
    Mapping[str, Callable[[NetworkTold, str, Priors], Floats | Array | NDArray[np.bool_]]]
] = {
    "new": lambda told, key, _: told._new(key),
    "met": lambda told, key, _: told._of(key, at.MET),
    "met_since": lambda told, key, _: seconds(told._of(key, at.MET_SINCE)),
    "new_value": lambda told, key, _: told._new_value(key),
    "fan_in": lambda told, key, _: told._of(key, at.DEGREE_OF),
    "returned": lambda told, _, __: seconds(told._out[at.RETURNED]),
    "received": lambda told, _, __: seconds(told._out[at.RECEIVED]),
    "cycles": lambda told, _, __: told._out[at.CYCLES],
    "prior_all": lambda _, __, priors: priors.everything,
    "prior_value": lambda told, key, priors: priors.values[told._values.index(key)],
    "prior_segment": lambda _, __, priors: priors.segment,
    "prior_behaviour": lambda _, __, priors: priors.behaviour,
    "prior_entity": lambda told, key, priors: priors.entity(told._known(told._node[key])),
    "prior_alike": lambda _, __, priors: priors.alike,
    "prior_neighbours": lambda _, __, priors: priors.neighbours,
    "prior_mixed": lambda _, __, priors: priors.mixed,
}
