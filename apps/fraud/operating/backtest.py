"""What an operating point would have done on past transactions: a pure function of columns.

Of a fraud, blocking stops its amount, a review or a step-up the share of it that the prices say.
Money saved is what is stopped less what stopping costs: reviews, step-ups, and honest payments that
do not happen (the margin on their amount, and the price of a customer turned away). Transactions
whose label nobody knows are decided and cost reviews, and are told apart: they may be frauds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from apps.fraud.decide import CONTROL, RULE, decide_columns
from apps.fraud.events import FRAUD, HONEST
from apps.fraud.operating.prices import Prices
from apps.fraud.rules.counting import Count, counts
from apps.fraud.rules.local_time import DAY, local
from apps.fraud.schema import OUTCOMES, OperatingPoint
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns, row_count
from loupe.contract.runtime.errors import InputRefused

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
APPROVE, STEP_UP, REVIEW, BLOCK = range(4)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(_Frozen):
    """Figures of some transactions; money in minor units of the project's currency.

    `honest_stopped` are honest transactions that were blocked, or given up at a step-up (a share
    of these, so it need not be whole); `customers` are the different payers with a blocked one.
    """

    key: str
    transactions: int
    amount: int
    fraud: int
    honest: int
    unknown: int
    fraud_amount: int
    stopped: int
    cost: int
    saved: int
    honest_stopped: float
    customers: int
    reviews: int
    hours: float


class ByRule(_Frozen):
    """One rule: rows in which it holds, and those it leads (whose label it gives)."""

    key: str
    outcome: str
    active: bool
    hits: int
    alone: int
    leads: int
    fraud: int
    honest: int
    amount: int


class Backtest(_Frozen):
    """What a point would have done, in all, by outcome, by rule, by local day."""

    total: Line
    by_outcome: tuple[Line, ...]
    by_rule: tuple[ByRule, ...]
    by_day: tuple[Line, ...]
    control: int
    fraud_rate: float | None
    false_positive_rate: float | None
    recall: float | None
    prices: Prices


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Row by row: outcome (index), money stopped and cost (float64 minor units), honest payments
    that do not happen (0 to 1), and whether the row was drawn for the control group."""

    outcome: Ints
    stopped: Floats
    cost: Floats
    lost: Floats
    control: NDArray[np.bool_]
    label: NDArray[np.str_]


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Rows that were decided before: the decisions, and what each rule of the point did there."""

    decisions: DecisionColumns
    counts: tuple[Count, ...]


def effects(
    columns: Columns,
    labels: Ints,
    point: OperatingPoint,
    prices: Prices,
    decided: Decided | None = None,
) -> Effects:
    """What happens to each row.

    Args:
        columns: of scored transactions; only ``amount`` where they are decided.
        labels: [rows] 1 fraud, 0 honest, −1 not known.
        decided: decisions to count with; None: those of the point on the columns' scores.

    Raises:
        InputRefused: the labels are not as many as the rows.
    """
    rows = row_count(columns)
    if len(labels) != rows:
        raise InputRefused(f"{len(labels):,} labels came for {rows:,} rows.", code="labels_differ")
    found = decided.decisions if decided else decide_columns(columns, point)
    place = {name: index for index, name in enumerate(OUTCOMES)}
    names, inverse = np.unique(found.outcome, return_inverse=True)
    outcome = np.array([place[str(name)] for name in names], dtype=np.int64)[inverse]
    amount = np.asarray(columns["amount"], dtype=np.float64)
    stops = np.array([0.0, prices.step_up_stops, prices.review_stops, 1.0])[outcome]
    stopped = np.where(labels == FRAUD, amount * stops, 0.0)
    lost = np.where(labels == HONEST, np.array([0.0, prices.step_up_lost, 0.0, 1.0])[outcome], 0.0)
    work = np.array([0.0, float(prices.step_up), float(prices.review), 0.0])[outcome]
    turned_away = np.where(outcome == BLOCK, float(prices.customer), 0.0)
    return Effects(
        outcome=outcome,
        stopped=stopped,
        cost=work + lost * (amount * prices.margin + turned_away),
        lost=lost,
        control=found.label == CONTROL,
        label=found.label,
    )


def backtest(
    columns: Columns,
    labels: Ints,
    point: OperatingPoint,
    prices: Prices | None = None,
    decided: Decided | None = None,
) -> Backtest:
    """The figures of an operating point on a block.

    Args:
        columns: of scored transactions; ``amount``, ``event_time`` and the payer are enough where
            they are `decided`.

    Raises:
        InputRefused: the labels are not as many as the rows.
    """
    costs = prices or Prices()
    told = effects(columns, labels, point, costs, decided)
    payers = _numbered(columns, point)
    groups = _Groups(columns, labels, told, payers, costs)
    days = local(np.asarray(columns["event_time"], dtype=np.int64), point.scheme.timezone) // DAY
    names, which = np.unique(days, return_inverse=True)
    honest, fraud = labels == HONEST, labels == FRAUD
    stopped = told.outcome > APPROVE
    return Backtest(
        total=groups.lines(np.zeros(len(labels), dtype=np.int64), ["total"])[0],
        by_outcome=tuple(groups.lines(told.outcome, OUTCOMES)),
        by_rule=_by_rule(columns, labels, point, told, decided),
        by_day=tuple(groups.lines(which, [str(np.datetime64(int(day), "D")) for day in names])),
        control=int(told.control.sum()),
        fraud_rate=_share(int(fraud.sum()), int(fraud.sum() + honest.sum())),
        false_positive_rate=_share(
            int((honest & (told.outcome == BLOCK)).sum()), int(honest.sum())
        ),
        recall=_share(int((fraud & stopped).sum()), int(fraud.sum())),
        prices=costs,
    )


@dataclass(frozen=True)
class _Groups:
    """Sums of the rows by group."""

    columns: Columns
    labels: Ints
    told: Effects
    payers: Ints
    prices: Prices

    def lines(self, group: Ints, keys: Sequence[str]) -> list[Line]:
        """A line for each key; `group` tells each row's."""
        count, told = len(keys), self.told
        amount = np.asarray(self.columns["amount"], dtype=np.int64)
        fraud, honest = self.labels == FRAUD, self.labels == HONEST
        blocked = honest & (told.outcome == BLOCK)
        pairs = np.unique(np.stack([group[blocked], self.payers[blocked]], axis=1), axis=0)
        customers = np.bincount(pairs[:, 0], minlength=count)
        reviews = _sums(group, (told.outcome == REVIEW).astype(np.float64), count)
        sums = {
            "stopped": _sums(group, told.stopped, count),
            "cost": _sums(group, told.cost, count),
            "honest_stopped": _sums(group, told.lost, count),
        }
        whole = {
            "transactions": np.bincount(group, minlength=count),
            "fraud": np.bincount(group[fraud], minlength=count),
            "honest": np.bincount(group[honest], minlength=count),
            "amount": _exact(group, amount, count),
            "fraud_amount": _exact(group[fraud], amount[fraud], count),
        }
        return [
            Line(
                key=key,
                **{name: int(values[at]) for name, values in whole.items()},
                unknown=int(whole["transactions"][at] - whole["fraud"][at] - whole["honest"][at]),
                stopped=round(sums["stopped"][at]),
                cost=round(sums["cost"][at]),
                saved=round(sums["stopped"][at]) - round(sums["cost"][at]),
                honest_stopped=float(sums["honest_stopped"][at]),
                customers=int(customers[at]),
                reviews=int(reviews[at]),
                hours=float(reviews[at] * self.prices.review_minutes / 60),
            )
            for at, key in enumerate(keys)
        ]


def _by_rule(
    columns: Columns, labels: Ints, point: OperatingPoint, told: Effects, decided: Decided | None
) -> tuple[ByRule, ...]:
    found = (
        decided.counts if decided else counts(point.rules, columns, point.scheme.timezone, labels)
    )
    names, leads = np.unique(told.label, return_counts=True)
    by_label = dict(zip(names.tolist(), leads.tolist(), strict=True))
    return tuple(
        ByRule(
            key=rule.key,
            outcome=rule.outcome,
            active=rule.active,
            hits=one.hits,
            alone=one.alone,
            leads=by_label.get(RULE + rule.key, 0),
            fraud=one.fraud,
            honest=one.honest,
            amount=one.amount,
        )
        for rule, one in zip(point.rules, found, strict=True)
    )


def _numbered(columns: Columns, point: OperatingPoint) -> Ints:
    """The payer of each row as a number; rows without one are payers of their own."""
    name = f"entities.{point.scheme.payer.key}"
    rows = row_count(columns)
    if name not in columns:
        return np.arange(rows, dtype=np.int64)
    words, found = np.unique(columns[name], return_inverse=True)
    nobody = columns[name] == ""
    return np.where(nobody, len(words) + np.arange(rows), found).astype(np.int64)


def _sums(group: Ints, values: Floats, count: int) -> Floats:
    return np.bincount(group, weights=values, minlength=count).astype(np.float64)


def _exact(group: Ints, values: Ints, count: int) -> Ints:
    """Sums of whole numbers, without passing through floating point."""
    found = np.zeros(count, dtype=np.int64)
    np.add.at(found, group, values)
    return found


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
