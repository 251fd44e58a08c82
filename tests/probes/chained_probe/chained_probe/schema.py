"""Purchases in, judgements out."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Purchase(BaseModel):
    """One row of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=64)
    account: str = Field(min_length=1, max_length=64)
    cents: int = Field(ge=0, le=10**9)
    places: dict[str, str] = {}


class Judged(BaseModel):
    """One row of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    id: str
    account: str
    cents: int
    score: float = Field(description="0 to 1")
    places: dict[str, str]
    features: dict[str, float] = Field(description="what the model saw")


class Bound(BaseModel):
    """Purchases at or above the bound are stopped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: float = Field(default=0.5, ge=0, le=1)
