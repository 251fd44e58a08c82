"""What a quality engineer promises: limits on escapes or overkill, of all parts or of some."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.defect_detection.schema import Severity

Kind = Literal["escape", "overkill"]
Count = Literal["parts", "defects"]


class Limit(BaseModel):
    """One limit.

    Escape: the share of bad parts that pass. Overkill: the share of good parts that fail; a good
    part which a person is asked about is not lost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    at_most: float = Field(gt=0, lt=1, description="a share, e.g. 0.02 for 2 %")
    label: str = Field(default="", max_length=100, description="only this class; empty: all")
    severity: Severity | None = Field(
        default=None, description="escapes only: parts with a defect at least this severe"
    )

    @model_validator(mode="after")
    def _sensible(self) -> "Limit":
        if self.severity is not None and (self.kind == "overkill" or self.label):
            raise ValueError(
                f"severity is {self.severity!r}: it goes with escapes of all classes. Leave it or "
                "the label empty."
            )
        return self


class Promise(BaseModel):
    """Everything a fit is asked for.

    All limits hold together with `confidence`: each is tested at its share of 1 − confidence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: tuple[Limit, ...] = Field(min_length=1, max_length=64)
    confidence: float = Field(default=0.95, ge=0.5, le=0.9999)
    by_class: bool = Field(
        default=False, description="a threshold of its own for each class, not one for all"
    )
    count: Count = Field(
        default="parts",
        description="parts: a bad part escapes when it passes. defects: also when one of its "
        "defects has no find on it, though another made the part fail",
    )

    @model_validator(mode="after")
    def _distinct(self) -> "Promise":
        seen = [(limit.kind, limit.label, limit.severity) for limit in self.limits]
        twice = next((one for one in seen if seen.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"limits name {twice[0]} of {twice[1] or 'all'} twice. Keep one.")
        return self

    @property
    def delta(self) -> float:
        """The risk that one single limit does not hold."""
        return (1 - self.confidence) / len(self.limits)
