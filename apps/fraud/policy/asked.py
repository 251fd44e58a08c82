"""What is asked of the process, and what it answers: plain JSON in files."""

from pydantic import BaseModel, ConfigDict, Field

from apps.fraud.policy.curve import Curve
from apps.fraud.schema import Rule
from apps.fraud.thresholds.asked import Fitted


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CountAsked(_Frozen):
    """What did rules do on one day?

    Attributes:
        blocks: files of result blocks, in the order they were stored.
        day_start, day_end: milliseconds, the day that is meant; without a row in it the last day
            that has one is counted.
        labels: a file with ``ids`` and ``labels``, or empty.
    """

    blocks: tuple[str, ...]
    rules: tuple[Rule, ...]
    timezone: str
    day_start: int
    day_end: int
    labels: str = ""


class Counted(_Frozen):
    """One rule's counts; see `apps.fraud.rules.counting.Count`."""

    key: str
    hits: int
    amount: int
    alone: int
    fraud: int
    honest: int


class Counts(_Frozen):
    """The counts of a day. `rows` 0: there was no transaction at all."""

    rows: int = 0
    day_start: int = 0
    asked_day: bool = True
    counts: tuple[Counted, ...] = ()


class FitFound(_Frozen):
    """A proposal, the curve it stands on, and what it was made of."""

    fitted: Fitted | None = None
    curve: Curve = Field(default_factory=Curve)
    rows: int = 0
    fraud: int = 0
    honest: int = 0
    missing: int = 0
    refused: str = ""
    code: str = ""
