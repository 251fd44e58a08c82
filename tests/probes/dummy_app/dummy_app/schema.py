"""What the dummy app answers, and what turns it into a decision."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Reading(BaseModel):
    """A scaled number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    value: float = Field(description="as read, without unit")
    scaled: float = Field(description="value × the model's factor, without unit")


class Limits(BaseModel):
    """Readings above `high` fail, above `low` need a look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float = Field(default=10.0, description="without unit")
    high: float = Field(default=20.0, description="without unit")
