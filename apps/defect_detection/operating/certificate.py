"""What is kept with an operating point that was fitted: the promise and what it rests on."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from apps.defect_detection.operating.limits import Limit, Promise


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Share(_Frozen):
    """`losses` of `parts` and the two-sided interval at the promise's confidence."""

    losses: int
    parts: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


class LimitFound(_Frozen):
    """What became of one limit."""

    limit: Limit
    holds: bool = Field(description="certified on parts that had no say in the choice")
    chosen_on: Share
    certified_on: Share
    missing: int | None = Field(
        default=None,
        description="how many more such parts a certificate takes; null: none would do",
    )


class Source(_Frozen):
    """Which predictions a fit rests on."""

    evaluation: int | None = Field(default=None, description="its id")
    dataset: str = ""
    artefact: str = Field(default="", description="torch, onnx or int8")
    artefact_sha256: str = ""
    predictions_sha256: str = ""


class Certificate(_Frozen):
    """How an operating point was fitted."""

    schema_version: Literal[1] = 1
    promise: Promise
    holds: bool = Field(description="every limit was certified")
    found: tuple[LimitFound, ...]
    source: Source = Source()
    method: Literal["fixed-sequence Clopper-Pearson"] = "fixed-sequence Clopper-Pearson"
    fitted_at: datetime | None = None
