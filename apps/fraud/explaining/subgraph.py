"""The neighbours that carried a score: who they are, what is shared, what each one added.

A neighbour's share is what the margin loses when it alone is left out and the features are told
again without it: no attention weights, no gradients, the very model. Shares of neighbours that say
the same overlap, so they need not add up; what all of them together carry is told beside them.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from apps.fraud.features.layout import DAMP

MOST = 200
"""Neighbours that are tried; the nearest in time come first from whoever lists them."""


class Neighbour(BaseModel):
    """Someone who shares a thing with the payer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    payer: str
    relation: str = Field(description="the kind of entity that both have: a key of the scheme's")
    shared: str = Field(description="the identifier that both have")
    payments: int = Field(default=0, ge=0, description="by then")
    amount: int = Field(default=0, ge=0, description="of these, minor units")
    labelled: int = Field(default=0, ge=0, description="of these, with a label known by then")
    frauds: int = Field(default=0, ge=0, description="of these, frauds")
    degree: int = Field(default=0, ge=0, description="acquaintances")
    last: int = Field(default=0, description="milliseconds: its last one")


class Carried(BaseModel):
    """A neighbour with what it added to the log-odds of the score."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    neighbour: Neighbour
    weight: float


class Subgraph(BaseModel):
    """Plain data of a small picture: a payer, things, neighbours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    payer: str
    carried: tuple[Carried, ...] = Field(description="strongest first")
    together: float = Field(description="log-odds that all neighbours together added")
    left_out: int = Field(default=0, description="neighbours that were not tried")
    exact: bool = Field(
        description="told from these neighbours, the features are those that were scored: nobody "
        "is missing here, and nothing was learned since"
    )


def subgraph(
    payer: str,
    neighbours: Sequence[Neighbour],
    row: NDArray[np.float32],
    names: Sequence[str],
    without: Callable[[Sequence[Neighbour]], Mapping[str, float]],
    margins: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    most: int = 20,
) -> Subgraph:
    """Who carried the score of one transaction.

    Args:
        row: float32 [features] as it was scored; `names` tells their order.
        without: the features that neighbours change, told from these neighbours only.
        margins: of rows [n, features].
        most: neighbours in the answer.
    """
    tried = list(neighbours[:MOST])
    kept = [tried[:at] + tried[at + 1 :] for at in range(len(tried))]
    rows = np.tile(np.asarray(row, dtype=np.float32), (len(tried) + 2, 1))
    place = {name: at for at, name in enumerate(names)}
    # The last but one has all neighbours, so that both sides are told by the same function.
    for at, some in enumerate([*kept, tried, []]):
        for name, value in without(some).items():
            if name in place:
                rows[at, place[name]] = value
    told = np.asarray(margins(rows), dtype=np.float64).reshape(-1)
    shares = told[-2] - told[:-2]
    order = np.argsort(-shares, kind="stable")[:most]
    return Subgraph(
        payer=payer,
        carried=tuple(
            Carried(neighbour=tried[at], weight=float(shares[at]))
            for at in order.tolist()
            if shares[at] != 0
        ),
        together=float(told[-2] - told[-1]),
        left_out=len(neighbours) - len(tried),
        exact=bool(np.array_equal(rows[-2], np.asarray(row, dtype=np.float32), equal_nan=True)),
    )


def around(entity: str) -> Callable[[Sequence[Neighbour]], dict[str, float]]:
    """How the features ``around_<entity>_…`` are told from the payers that share an entity: the
    formulas of `apps.fraud.features.loops.filling`, for a handful of neighbours."""

    def told(some: Sequence[Neighbour]) -> dict[str, float]:
        count, payments = len(some), sum(one.payments for one in some)
        damped = [one.frauds / (one.labelled + DAMP) for one in some]
        frauds, labelled = sum(one.frauds for one in some), sum(one.labelled for one in some)
        figures = {
            "count": float(count),
            "risk": frauds / (labelled + DAMP),
            "top_risk": max(damped, default=0.0),
            "amount": sum(one.amount for one in some) / payments if payments else 0.0,
            "degree": sum(one.degree for one in some) / count if count else 0.0,
        }
        return {f"around_{entity}_{figure}": value for figure, value in figures.items()}

    return told
