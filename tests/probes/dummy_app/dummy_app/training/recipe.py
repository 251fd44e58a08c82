"""How the factor is fitted, and the ways in which a fit can be made to fail for a test."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Recipe(BaseModel):
    """The defaults converge in a moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="steps of descent",
        json_schema_extra={"en": "Steps", "zh": "步数", "help_zh": "下降步数", "main": True},
    )
    rate: float = Field(default=0.5, gt=0, le=1, description="share of the way taken a step")
    seconds_per_step: float = Field(default=0.0, ge=0, description="how long a step pretends")
    fail: Literal[
        "", "refused", "broken", "killed", "disk_full", "no_manifest", "deaf", "parity"
    ] = Field(default="", description="what goes wrong in the middle")
