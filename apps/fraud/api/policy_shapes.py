"""What REST answers and takes about rules, thresholds, the scheme and rates of exchange."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from apps.fraud.schema import Rule
from apps.fraud.scheme import Scheme
from apps.fraud.services.rates import MOST
from apps.fraud.thresholds.asked import Asked, BudgetCertificate
from loupe.host.rest import Order, Paged, Shape


class RulesShape(Shape):
    """The set that is edited, and which one decides."""

    number: int = Field(description="of this set; 0: none was saved")
    deciding: int = Field(description="number of the set that decides; 0: of none that was saved")
    rules: list[Rule]


class RulesOrder(Order):
    """The next set, whole and in order."""

    rules: list[dict[str, Any]] = Field(max_length=500)
    note: str = Field(default="", max_length=300)
    seen: int = Field(ge=0, description="number of the set it was made from; 0: none")


class RuleSetShape(Shape):
    """One saved set."""

    number: int
    who: str
    note: str
    created_at: datetime
    rules: list[Rule]


class RuleSetPage(Paged):
    """Saved sets, newest first."""

    versions: list[RuleSetShape]


class UseOrder(Order):
    """Why something decides from now on."""

    note: str = Field(default="", max_length=300)


class UsedShape(Shape):
    """The operating point that decides from now on."""

    operating_point: int


class LookOrder(Order):
    """A rule to look at; nothing is saved."""

    when: str = Field(max_length=2_001)
    outcome: str = "review"
    count: bool = Field(default=True, description="count on yesterday's transactions too")


class LookedShape(Shape):
    """What a rule says and did, or where it goes wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ok: bool
    line: int = Field(default=0, description="from 1; 0: nothing is wrong")
    column: int = 0
    error: str = ""
    written: str = Field(default="", description="the rule in its one canonical form")
    said: str = ""
    reads: list[str] = Field(default_factory=list)
    rows: int = Field(default=0, description="transactions of the day that was counted")
    day: str = ""
    hits: int = 0
    amount: int = Field(default=0, description="of the hits, minor units")
    alone: int = Field(default=0, description="hits for which no other rule is as strict")
    fraud: int = 0
    honest: int = 0


class ProposalOrder(Order):
    """Which thresholds are looked for."""

    asked: Asked = Field(default_factory=Asked)
    silent: bool = Field(
        default=False,
        description="older than the label delay and without a label counts as legitimate",
    )


class ProposalShape(Shape):
    """Thresholds that are proposed, with their certificate; they decide once they are used."""

    id: int
    model: str
    rows: int
    bands: list[dict[str, Any]]
    certificate: BudgetCertificate
    who: str
    created_at: datetime
    used_as: int | None = Field(description="number of the operating point made of it")


class ProposalPage(Paged):
    """Proposals, newest first."""

    proposals: list[ProposalShape]


class FitShape(Shape):
    """Thresholds being fitted, and what came of it."""

    id: uuid.UUID
    state: str = Field(description="queued, running, done, failed or cancelled")
    model: str
    asked: Asked
    silent: bool
    blocks: int
    blocks_done: int
    rows: int = Field(description="scored transactions so far")
    honest: int = Field(description="of these, known to be legitimate")
    fraud: int = Field(description="of these, known to be fraud")
    missing: int = Field(description="legitimate rows that are missing at least; else 0")
    proposal: ProposalShape | None
    error_code: str
    error: str
    who: str
    created_at: datetime
    ended_at: datetime | None


class FitPage(Paged):
    """Fits, newest first."""

    fits: list[FitShape]


class ControlOrder(Order):
    """The control group; a share of 0 ends it."""

    share: float = Field(ge=0, description="of what the score blocks, at most 0.05")
    cap: int = Field(default=0, ge=0, description="largest amount let through, minor units")


class SchemeShape(Shape):
    """The scheme that holds."""

    number: int = Field(description="0: none was saved, every project starts with this one")
    sha256: str
    data: Scheme


class SchemeOrder(Order):
    """The next scheme, whole."""

    data: dict[str, Any]
    note: str = Field(default="", max_length=300)
    seen: int = Field(ge=0, description="number of the version it was made from; 0: none")
    dry_run: bool = Field(default=False, description="only say what it would do")


class EffectShape(Shape):
    """One thing that a change of the scheme does."""

    stops: bool = Field(description="something does not work until it is mended")
    en: str
    zh: str


class SchemeSavedShape(Shape):
    """What became of a change."""

    saved: bool
    number: int
    effects: list[EffectShape]


class ExchangeRateShape(Shape):
    """From `from_time` on one unit of `currency` is worth `rate` units of `base`."""

    id: int
    currency: str
    base: str
    from_time: int = Field(description="milliseconds since 1970, UTC")
    rate: str
    who: str
    told_at: datetime


class RatePage(Paged):
    """Rates, those that hold last first."""

    rates: list[ExchangeRateShape]


class RateOrder(Order):
    """One rate."""

    currency: str = Field(max_length=12)
    since: str = Field(max_length=40, description="a day of the project's clocks, or ISO 8601")
    rate: str = Field(max_length=30, description="a decimal, such as 0.9137")


class RatesOrder(Order):
    """Rates, all of which are kept or none."""

    rates: list[RateOrder] = Field(min_length=1, max_length=MOST)
    inverse: bool = Field(
        default=False, description="a rate says what one unit of the project's currency is worth"
    )


class RatesShape(Shape):
    """What became of rates."""

    new: int
    changed: int
    same: int
