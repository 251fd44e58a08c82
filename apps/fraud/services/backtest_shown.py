"""A backtest as its page and its files show it: figures, tables, a picture."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from apps.fraud.models import Backtest
from apps.fraud.operating.backtest import Line
from apps.fraud.operating.compare import Comparison
from apps.fraud.operating.table import Table, compared, rates, tables

WIDTH, HEIGHT = 600.0, 200.0
_FIGURES = (
    "transactions", "amount", "fraud", "honest", "unknown", "fraud_amount", "stopped", "cost",
    "saved", "honest_stopped", "customers", "reviews", "hours",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Money saved, summed up day by day, as the points of two SVG polylines.

    `zero` is where nothing is saved; `low` and `high` are minor units at the lower and upper edge.
    """

    champion: str
    challenger: str
    zero: float
    low: int
    high: int
    first: str
    last: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One figure of both sides, as lengths of 0 to 100."""

    key: str
    champion: int
    challenger: int
    champion_length: float
    challenger_length: float


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Everything that a finished backtest says."""

    result: Comparison
    difference: Table
    by_outcome: tuple[tuple[str, Table], ...]
    rates: tuple[tuple[str, Table], ...]
    curve: Curve | None
    bars: tuple[Bar, ...]
    moved: tuple[Any, ...]


def shown(backtest: Backtest) -> Shown | None:
    """What it found; None: nothing yet."""
    if backtest.result is None:
        return None
    result = Comparison.model_validate(backtest.result)
    sides = (("champion", result.champion), ("challenger", result.challenger))
    return Shown(
        result=result,
        difference=compared(result, backtest.currency),
        by_outcome=tuple((key, tables(one, backtest.currency)[0]) for key, one in sides),
        rates=tuple((key, rates(one)) for key, one in sides),
        curve=_curve(result),
        bars=_bars(result.champion.total, result.challenger.total),
        moved=tuple(result.moved),
    )


def _bars(champion: Line, challenger: Line) -> tuple[Bar, ...]:
    pairs = [(key, getattr(champion, key), getattr(challenger, key)) for key in ("stopped", "cost")]
    pairs.append(("saved", champion.saved, challenger.saved))
    most = max(1, *(abs(value) for _key, *both in pairs for value in both))
    return tuple(
        Bar(
            key=key,
            champion=one,
            challenger=two,
            champion_length=round(100 * max(one, 0) / most, 2),
            challenger_length=round(100 * max(two, 0) / most, 2),
        )
        for key, one, two in pairs
    )


def _curve(result: Comparison) -> Curve | None:
    days = [line.key for line in result.champion.by_day]
    if len(days) < 2:
        return None
    sums = [
        list(accumulate(line.saved for line in side.by_day))
        for side in (result.champion, result.challenger)
    ]
    low, high = min(0, *sums[0], *sums[1]), max(1, *sums[0], *sums[1])

    def drawn(values: Sequence[int]) -> str:
        step = WIDTH / (len(values) - 1)
        return " ".join(
            f"{step * at:.1f},{_height(value, low, high):.1f}" for at, value in enumerate(values)
        )

    return Curve(
        champion=drawn(sums[0]),
        challenger=drawn(sums[1]),
        zero=round(_height(0, low, high), 1),
        low=low,
        high=high,
        first=days[0],
        last=days[-1],
    )


def _height(value: float, low: int, high: int) -> float:
    return HEIGHT * (high - value) / (high - low)


def as_json(backtest: Backtest) -> bytes:
    """Everything, to be read by programs; money in minor units of ``currency``."""
    told = {
        "id": str(backtest.pk),
        "state": backtest.state,
        "currency": backtest.currency,
        "version": str(backtest.version),
        "point": backtest.point,
        "prices": backtest.prices,
        "prices_are_assumptions": backtest.assumed,
        "transactions": backtest.rows,
        "blocks_left_out": backtest.left_out,
        "comparison": backtest.result,
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def as_csv(backtest: Backtest) -> bytes:
    """One line a side and outcome, and a side and day; money in minor units."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(("side", "of", "key", *_FIGURES, "currency"))
    if backtest.result is not None:
        result = Comparison.model_validate(backtest.result)
        for side, found in (("champion", result.champion), ("challenger", result.challenger)):
            for of, lines in (
                ("total", (found.total,)),
                ("outcome", found.by_outcome),
                ("day", found.by_day),
            ):
                for line in lines:
                    figures = [getattr(line, name) for name in _FIGURES]
                    table.writerow((side, of, line.key, *figures, backtest.currency))
    return text.getvalue().encode("utf-8-sig")
