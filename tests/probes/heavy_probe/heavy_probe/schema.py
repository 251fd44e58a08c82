"""What long work answers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Digest(BaseModel):
    """A file read whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    sha256: str = Field(min_length=64, max_length=64)
    size: int = Field(description="bytes")
    mean: float = Field(description="of all bytes, 0 to 255")
    resumed_at: int = Field(description="bytes an earlier attempt had already read")


class Bound(BaseModel):
    """Files brighter than this need attention."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float = 127.0
