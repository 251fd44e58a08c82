"""Two operating points, or two models, on the same transactions: champion and challenger."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from apps.fraud.events import FRAUD, HONEST
from apps.fraud.operating.backtest import Backtest, Decided, Effects, backtest, effects
from apps.fraud.operating.prices import Prices
from apps.fraud.rules.local_time import DAY, local
from apps.fraud.schema import OUTCOMES, OperatingPoint
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused

DRAWS = 2_000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Difference(_Frozen):
    """Challenger less champion, with the interval of the paired bootstrap over days."""

    key: str
    champion: float
    challenger: float
    difference: float
    low: float | None = None
    high: float | None = None


class Moved(_Frozen):
    """Transactions that the challenger treats otherwise."""

    champion: str
    challenger: str
    transactions: int
    fraud: int
    honest: int
    amount: int


class Comparison(_Frozen):
    """Both backtests and what differs."""

    champion: Backtest
    challenger: Backtest
    differences: tuple[Difference, ...]
    moved: tuple[Moved, ...]
    days: int
    confidence: float = Field(default=0.95)


def compare(
    columns: Columns,
    labels: NDArray[np.int64],
    champion: OperatingPoint,
    challenger: OperatingPoint,
    prices: Prices | None = None,
    challenger_scores: NDArray[np.float64] | None = None,
    decided: tuple[Decided, Decided] | None = None,
) -> Comparison:
    """Decide the same rows by both.

    Args:
        challenger_scores: [rows] of another model; None: both have the columns' scores.
        decided: what champion and challenger decided, where that is known: what production really
            did, or what was decided block by block.

    Raises:
        InputRefused: labels or scores are not as many as the rows.
    """
    costs = prices or Prices()
    other = dict(columns)
    if challenger_scores is not None:
        if challenger_scores.shape != np.shape(columns["score"]):
            raise InputRefused(
                f"{len(challenger_scores):,} scores of the challenger came for "
                f"{len(columns['score']):,} rows.",
                code="scores_differ",
            )
        other["score"] = challenger_scores
    first, second = decided or (None, None)
    one = effects(columns, labels, champion, costs, first)
    two = effects(other, labels, challenger, costs, second)
    times = np.asarray(columns["event_time"], dtype=np.int64)
    days = local(times, champion.scheme.timezone) // DAY
    return Comparison(
        champion=backtest(columns, labels, champion, costs, first),
        challenger=backtest(other, labels, challenger, costs, second),
        differences=_differences(one, two, labels, days, costs),
        moved=_moved(one, two, labels, np.asarray(columns["amount"], dtype=np.int64)),
        days=len(np.unique(days)),
    )


def _differences(
    one: Effects, two: Effects, labels: NDArray[np.int64], days: NDArray[np.int64], prices: Prices
) -> tuple[Difference, ...]:
    _, which = np.unique(days, return_inverse=True)
    count = int(which.max(initial=-1)) + 1
    # Days are drawn, not rows: what happens on one day hangs together.
    chance = np.random.default_rng(20180725)
    drawn = chance.multinomial(count, np.full(count, 1 / count), DRAWS) if count > 1 else None
    found = []
    for key, of_one, of_two in (
        ("stopped", one.stopped, two.stopped),
        ("saved", one.stopped - one.cost, two.stopped - two.cost),
        ("honest_stopped", one.lost, two.lost),
        ("hours", _hours(one, prices), _hours(two, prices)),
        ("frauds_missed", _missed(one, labels), _missed(two, labels)),
    ):
        by_day = np.bincount(which, weights=of_two - of_one, minlength=count)
        low = high = None
        if drawn is not None:
            low, high = (float(end) for end in np.quantile(drawn @ by_day, (0.025, 0.975)))
        found.append(
            Difference(
                key=key,
                champion=float(of_one.sum()),
                challenger=float(of_two.sum()),
                difference=float((of_two - of_one).sum()),
                low=low,
                high=high,
            )
        )
    return tuple(found)


def _hours(told: Effects, prices: Prices) -> NDArray[np.float64]:
    minutes = np.where(told.outcome == OUTCOMES.index("review"), prices.review_minutes, 0.0)
    return np.asarray(minutes / 60, dtype=np.float64)


def _missed(told: Effects, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray((labels == FRAUD) & (told.outcome == 0), dtype=np.float64)


def _moved(
    one: Effects, two: Effects, labels: NDArray[np.int64], amount: NDArray[np.int64]
) -> tuple[Moved, ...]:
    found = []
    for before, first in enumerate(OUTCOMES):
        for after, second in enumerate(OUTCOMES):
            mask = (one.outcome == before) & (two.outcome == after)
            if before == after or not mask.any():
                continue
            found.append(
                Moved(
                    champion=first,
                    challenger=second,
                    transactions=int(mask.sum()),
                    fraud=int((labels[mask] == FRAUD).sum()),
                    honest=int((labels[mask] == HONEST).sum()),
                    amount=int(amount[mask].sum()),
                )
            )
    return tuple(sorted(found, key=lambda moved: -moved.transactions))
