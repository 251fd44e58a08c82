"""What can be asked of the simulator."""

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1
"""Raised whenever equal arguments would give other rows than before."""


class SimulatorConfig(BaseModel):
    """A population, a span of time, and how much fraud there is in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: int = Field(default=50_000, ge=200, le=2_000_000)
    days: int = Field(default=90, ge=7, le=1_000)
    rate: float = Field(default=0.25, gt=0, le=20, description="payments a customer a day, mean")
    start: int = Field(
        default=1_767_225_600_000,
        ge=0,
        le=4_000_000_000_000,
        description="first midnight, milliseconds UTC",
    )
    fraud_share: float = Field(default=0.008, ge=0, le=0.2, description="of all rows, about")
    drift: float = Field(
        default=0.5, ge=0, le=1, description="how much habits and scenarios change over the span"
    )
    label_delay: float = Field(
        default=7.0, ge=0, le=365, description="days until a label is known, median"
    )
    label_missing: float = Field(
        default=0.07, ge=0, le=1, description="share of labels that never arrive"
    )
