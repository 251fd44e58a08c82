"""What REST answers and takes about backtests, shadow runs and publications.

Money is in minor units of the currency beside it.
"""

import uuid
from datetime import datetime

from pydantic import Field

from apps.fraud.operating.compare import Comparison
from apps.fraud.operating.prices import Prices
from loupe.host.rest import Order, Paged, Shape


class BacktestOrder(Order):
    """A candidate, and on which transactions to try it."""

    model_version: int | None = Field(
        default=None, description="id of a model version; null: the draft's, else what decides now"
    )
    draft: int | None = Field(default=None, description="number of a draft of an operating point")
    job: uuid.UUID | None = Field(default=None, description="of an uploaded table")
    start: datetime | None = Field(default=None, description="of a period, by event time")
    stop: datetime | None = Field(default=None, description="its end, exclusive")
    silent_honest: bool = Field(
        default=False,
        description="transactions older than the label delay that nobody spoke of count as honest",
    )


class BacktestShape(Shape):
    """A backtest and how far it is."""

    id: uuid.UUID
    state: str = Field(description="queued, running, done, failed or cancelled")
    version: str
    draft: int | None
    job: uuid.UUID | None
    first_event: int | None
    stop_event: int | None
    blocks: int
    blocks_done: int
    blocks_left_out: int = Field(description="that the candidate cannot score")
    transactions: int
    currency: str
    prices: Prices
    prices_are_assumptions: bool
    error_code: str
    error: str
    created_at: datetime
    ended_at: datetime | None


class BacktestDetail(BacktestShape):
    """A backtest with what it found."""

    comparison: Comparison | None


class BacktestPage(Paged):
    """One page of backtests."""

    backtests: list[BacktestShape]


class PricesShape(Shape):
    """What things cost in the project."""

    prices: Prices
    number: int = Field(description="of the version; 0: nobody has said any")
    assumptions: bool


class PricesOrder(Order):
    """Prices from now on."""

    prices: Prices
    note: str = Field(default="", max_length=300)


class DraftOrder(Order):
    """An operating point to be tried."""

    model_version: int | None = Field(default=None, description="null: the one that decides now")
    point: dict[str, object] = Field(description="fields of the operating point")
    note: str = Field(default="", max_length=300)


class DraftShape(Shape):
    """An operating point that decides nothing."""

    number: int
    version: str
    note: str
    point: dict[str, object]
    created_at: datetime


class DraftPage(Paged):
    """One page of drafts."""

    drafts: list[DraftShape]


class MovedShape(Shape):
    """Decisions of one kind that would be of another."""

    champion: str
    challenger: str
    transactions: int
    amount: int


class ShadowOrder(Order):
    """Who is put in the shadow."""

    model_version: int | None = None
    draft: int | None = None


class ShadowShape(Shape):
    """A challenger on live traffic."""

    id: int
    version: str
    draft: int | None
    started_at: datetime
    ended_at: datetime | None
    transactions: int
    same: int
    blocks_skipped: int
    error: str
    moved: list[MovedShape]


class ShadowPage(Paged):
    """One page of shadow runs."""

    shadows: list[ShadowShape]


class PublicationShape(Shape):
    """A request to publish, and what became of it. People answer it, signed in."""

    id: int
    version: str
    draft: int | None
    state: str
    rolls_back: bool
    reason: str
    comment: str
    backtest: uuid.UUID | None
    shadow: int | None
    requested_at: datetime
    decided_at: datetime | None


class PublicationPage(Paged):
    """One page of publications."""

    publications: list[PublicationShape]
