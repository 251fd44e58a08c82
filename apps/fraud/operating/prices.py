"""What things cost: declared by the project, so that money saved means what it says."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from apps.fraud.events import LARGEST_AMOUNT

MOST_MINUTES = 43_200
"""Thirty days."""
_Money = Annotated[int, Field(ge=0, le=LARGEST_AMOUNT)]


class Prices(BaseModel):
    """Minor units of the project's currency, minutes and shares.

    The defaults are assumptions without a source, shown beside every figure: a project states its
    own before it believes a sum.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: _Money = Field(default=300, description="an analyst's review of one payment")
    review_minutes: float = Field(default=6.0, ge=0, le=MOST_MINUTES, description="that it takes")
    step_up: _Money = Field(default=5, description="one stepped-up payment (a text message)")
    customer: _Money = Field(default=1_000, description="an honest payment that was blocked")
    margin: float = Field(
        default=0.01, ge=0, le=1, description="share of an honest payment's amount that is earned"
    )
    step_up_lost: float = Field(
        default=0.05, ge=0, le=1, description="share of honest payers who give up at a step-up"
    )
    step_up_stops: float = Field(
        default=0.9, ge=0, le=1, description="share of frauds that a step-up stops"
    )
    review_stops: float = Field(
        default=0.9, ge=0, le=1, description="share of frauds that a review stops"
    )
