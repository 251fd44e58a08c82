"""What the probe counts."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Count(BaseModel):
    """Letters in a box."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    letters: int
    status: Literal["counted", "refused"]


class Least(BaseModel):
    """From how many letters on there are many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    many: int = 100
