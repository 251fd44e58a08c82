"""Explanations of alerts as REST shows them. Weights are log-odds."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import Field

from apps.fraud.models import AlertExplanation
from apps.fraud.services.explanation_shown import shown
from apps.fraud.services.schemes import of as scheme_of
from loupe.contract.text import Text
from loupe.host.rest import Order, Shape


class ExplanationOrder(Order):
    """Which transaction of the alert is explained."""

    transaction: str = Field(
        default="", max_length=256, description="left out: the one of the highest score"
    )


class SaidShape(Shape):
    """A sentence in both languages."""

    en: str
    zh: str


class OpinionShape(Shape):
    """One feature as both opinions weigh it."""

    name: str
    en: str
    zh: str
    exact: float = Field(description="TreeSHAP")
    second: float = Field(description="LIME")


class SecondShape(Shape):
    """LIME: the same figures for the same transaction and model, always."""

    seed: int
    samples: int
    r2: float
    agreement: float = Field(description="rank correlation with the exact shares, −1 to 1")
    shared: int = Field(description="of the 5 strongest features, how many both name")
    verdict: SaidShape


class CarrierShape(Shape):
    """A neighbour and what leaving it out would take away."""

    payer: str
    relation: str = Field(description="the kind of entity that both have")
    shared: str
    payments: int
    labelled: int
    frauds: int
    weight: float


class ToldShape(Shape):
    """What was found; it is stored once."""

    usual: float = Field(description="with all groups' weights it adds up to the margin")
    margin: float
    groups: list[dict[str, Any]] = Field(description="group, sentences, weight, features")
    compared: list[OpinionShape]
    second: SecondShape
    carried: list[CarrierShape] = Field(description="strongest first")
    together: float = Field(description="of all neighbours together")
    exact: bool = Field(description="the neighbours' figures are those that were scored")
    left_out: int


class ExplanationShape(Shape):
    """One explanation, and how far it is."""

    id: uuid.UUID
    state: str = Field(description="queued, running, done, failed or cancelled")
    transaction: str
    model: str
    who: str
    created_at: datetime
    ended_at: datetime | None
    error_code: str
    error: str
    told: ToldShape | None


class ExplanationList(Shape):
    """What was explained of an alert, newest first, at most 20."""

    explanations: list[ExplanationShape]


def explanation(row: AlertExplanation) -> ExplanationShape:
    """A row fetched with its version."""
    return ExplanationShape(
        id=row.pk,
        state=row.state,
        transaction=row.transaction,
        model=str(row.version),
        who=row.who,
        created_at=row.created_at,
        ended_at=row.ended_at,
        error_code=row.error_code,
        error=row.error,
        told=_told(row),
    )


def _told(row: AlertExplanation) -> ToldShape | None:
    found = shown(row, scheme_of(row.project_id), {})
    if row.told is None or found is None:
        return None
    one, graph = row.told["explanation"], row.told["subgraph"]
    lime = one["lime"]
    return ToldShape(
        usual=one["usual"],
        margin=one["margin"],
        groups=one["groups"],
        compared=[OpinionShape(**each) for each in row.told["compared"]],
        second=SecondShape(
            seed=lime["seed"],
            samples=lime["samples"],
            r2=lime["r2"],
            agreement=lime["agreement"],
            shared=lime["shared"],
            verdict=_said(found.verdict),
        ),
        carried=[
            CarrierShape(
                **{name: each["neighbour"][name] for name in _CARRIER}, weight=each["weight"]
            )
            for each in graph["carried"]
        ],
        together=graph["together"],
        exact=graph["exact"],
        left_out=graph["left_out"],
    )


_CARRIER = ("payer", "relation", "shared", "payments", "labelled", "frauds")


def _said(text: Text) -> SaidShape:
    return SaidShape(en=text.en, zh=text.zh)
