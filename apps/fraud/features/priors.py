"""What is expected of those who have little history: known frauds, shrunk towards their like.

An estimate is (frauds + strength · prior) / (labelled + strength): the mean of a beta distribution
whose prior is the estimate one level up (empirical Bayes; Gelman et al., Bayesian Data Analysis,
chapter 5). The levels: all → each attribute's value → the segment of all values together → the
entity. Everything known at the event's moment, nothing later.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.int64]
Floats = NDArray[np.float64]
Known = tuple[Array, Array]
"""[n] labelled events and [n] frauds among them."""

ASSUMED: Final = 0.01
"""The share of frauds before any label is known, worth `SEGMENT` labels."""
SEGMENT: Final = 100
"""Labels that the prior of a segment is worth."""
ENTITY: Final = 20
"""Labels that the prior of an entity is worth."""
SETTLED: Final = 5
"""Events of its own after which a payer counts as much as its like."""


def shrunk(known: Known, prior: Floats | float, strength: int) -> Floats:
    """[n] the estimate of a level from its own labels and the level above."""
    labelled, frauds = known
    estimate: Floats = (frauds + strength * prior) / (labelled + strength)
    return estimate


class Priors:
    """The estimates of each event of a batch; each is made when it is asked for.

    Args:
        everything: of all events.
        values: of the value of each category attribute.
        joint: of all values together.
        behaviour: of such amounts at such times of day.
        alike: of the other payers of this payee.
        neighbours: of the payers who share something that relates.
        history: [n] earlier events of the payer.
        payer: of the payer.
    """

    def __init__(
        self, *, everything: Known, values: Sequence[Known], joint: Known, behaviour: Known,
        alike: Known, neighbours: Known, history: Array, payer: Known,
    ) -> None:  # fmt: skip
        self._everything, self._values = everything, values
        self._joint, self._behaviour = joint, behaviour
        self._alike, self._neighbours = alike, neighbours
        self._history, self._payer = history, payer

    @cached_property
    def everything(self) -> Floats:
        """[n] of all events."""
        return shrunk(self._everything, ASSUMED, SEGMENT)

    @cached_property
    def values(self) -> list[Floats]:
        """Of each category attribute, [n] of its value."""
        return [shrunk(known, self.everything, SEGMENT) for known in self._values]

    @cached_property
    def segment(self) -> Floats:
        """[n] of all values together, shrunk towards the mean of the values' own estimates."""
        above = sum(self.values) / len(self.values) if self.values else self.everything
        return shrunk(self._joint, above, SEGMENT)

    @cached_property
    def behaviour(self) -> Floats:
        """[n] of such amounts at such times of day, shrunk towards the segment."""
        return shrunk(self._behaviour, self.segment, SEGMENT)

    def entity(self, known: Known) -> Floats:
        """[n] of an entity, shrunk towards the segment."""
        return shrunk(known, self.segment, ENTITY)

    @cached_property
    def alike(self) -> Floats:
        """[n] of those who pay the same payee (collaborative), shrunk towards such behaviour."""
        return shrunk(self._alike, self.behaviour, ENTITY)

    @cached_property
    def neighbours(self) -> Floats:
        """[n] of those who share a device or the like, shrunk towards the segment."""
        return shrunk(self._neighbours, self.segment, ENTITY)

    @cached_property
    def mixed(self) -> Floats:
        """[n] the payer's own estimate and its like's, by the length of its history."""
        own = self._history / (self._history + SETTLED)
        like = (self.alike + self.neighbours) / 2
        mixed: Floats = own * self.entity(self._payer) + (1 - own) * like
        return mixed
