"""What is asked of thresholds, and what became of it: the objects that are kept and shown."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from apps.fraud.schema import OperatingPoint

Stage = Literal["step_up", "block"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(_Frozen):
    """Of all honest transactions at most this share is blocked (or stepped up or blocked) by its
    score. What analysts look at has a queue instead."""

    outcome: Stage
    at_most: float = Field(gt=0, lt=0.5, description="a share, e.g. 0.0002 for 0.02 %")


class Asked(_Frozen):
    """Everything a fit is asked for; the budgets hold together with `confidence`."""

    budgets: tuple[Budget, ...] = Field(default=(Budget(outcome="block", at_most=2e-4),))
    queue_per_day: int = Field(default=0, ge=0, le=1_000_000, description="0: no queue")
    edges: tuple[int, ...] = Field(
        default=(), max_length=20, description="minor units where bands of amounts begin"
    )
    allocate: Literal["even", "money"] = Field(
        default="even",
        description="even: the same share of each band. money: where it stops the most money",
    )
    confidence: float = Field(default=0.95, ge=0.5, le=0.9999)
    within: float = Field(
        default=0.2, gt=0, lt=1, description="how finely the rate is to be measured, a share of it"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        outcomes = [budget.outcome for budget in self.budgets]
        if len(set(outcomes)) < len(outcomes):
            raise PydanticCustomError(
                "outcome_twice", "budgets name {outcomes}: give one budget an outcome.",
                {"outcomes": ", ".join(outcomes)},
            )  # fmt: skip
        shares = {budget.outcome: budget.at_most for budget in self.budgets}
        if len(shares) == 2 and shares["block"] > shares["step_up"]:
            raise PydanticCustomError(
                "budgets_crossed",
                "The budget of block is above that of step_up, which includes it.",
            )
        if list(self.edges) != sorted(set(self.edges)) or min(self.edges, default=1) < 1:
            raise PydanticCustomError(
                "edges_order", "edges are {edges}; give positive amounts, ascending.",
                {"edges": ", ".join(map(str, self.edges))},
            )  # fmt: skip
        if not self.budgets and not self.queue_per_day:
            raise PydanticCustomError(
                "nothing_asked", "Nothing is asked for: give a budget, or a queue."
            )
        return self

    @property
    def delta(self) -> float:
        """The risk that one single budget does not hold."""
        return (1 - self.confidence) / max(1, len(self.budgets))


class BudgetShare(_Frozen):
    """`hits` of `rows` and the two-sided Clopper–Pearson interval."""

    hits: int
    rows: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


class BudgetFound(_Frozen):
    """What became of one budget."""

    budget: Budget
    holds: bool = Field(description="certified on later rows that had no say in the choice")
    chosen_on: BudgetShare
    certified_on: BudgetShare
    missing: int | None = Field(
        default=None,
        description="legitimate rows still missing for a certificate, at least; null: none do",
    )
    missing_to_measure: int = Field(
        default=0, description="how many more tell the rate as finely as was asked"
    )
    spread: float = Field(default=1.0, description="variance over mean of the days; 1: by chance")


class QueueFound(_Frozen):
    """What a queue would have got on the certifying days."""

    asked: int
    a_day: float
    busiest: int
    days: int
    days_over: int
    recall: float | None = Field(
        default=None, description="frauds in the queue, of those that are not blocked"
    )


class BandFound(_Frozen):
    """One band on the certifying rows: honest ones, frauds and the money among them."""

    from_amount: int
    honest: int
    blocked_honest: int
    fraud: int
    caught: int = Field(description="frauds with at least the mildest outcome")
    fraud_amount: int
    caught_amount: int


class BudgetCertificate(_Frozen):
    """How an operating point was fitted, and on what."""

    schema_version: Literal[1] = 1
    asked: Asked
    holds: bool
    found: tuple[BudgetFound, ...]
    queue: QueueFound | None = None
    bands: tuple[BandFound, ...] = ()
    chosen_until: int = Field(description="milliseconds: rows before it chose")
    certified_from: int = Field(description="milliseconds: rows from here certified")
    unknown: int = Field(default=0, description="rows left out because nobody knows their label")
    method: Literal["fixed-sequence Clopper-Pearson"] = "fixed-sequence Clopper-Pearson"


class Fitted(_Frozen):
    """A proposal: `point` has the rules it was given and thresholds of its own."""

    point: OperatingPoint
    certificate: BudgetCertificate
