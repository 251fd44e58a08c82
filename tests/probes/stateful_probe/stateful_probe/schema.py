"""Payments in, running sums out."""

from pydantic import BaseModel, ConfigDict, Field


class Payment(BaseModel):
    """One row of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: int = Field(ge=0, lt=100_000)
    cents: int = Field(ge=0, le=10**9)


class Balance(BaseModel):
    """One row of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    account: int
    cents: int
    count: int = Field(description="payments of the account so far, this one included")
    total_cents: int = Field(description="their sum")


class Cap(BaseModel):
    """Accounts over the cap are blocked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_cents: int = 100_000
