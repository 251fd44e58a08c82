"""A backtest adds up to what one would count by hand, row by row."""

import math
from collections import Counter

import numpy as np
import pytest

from apps.fraud.decide import decide
from apps.fraud.operating.backtest import backtest
from apps.fraud.operating.compare import compare
from apps.fraud.operating.prices import Prices
from apps.fraud.operating.table import compared, rates, tables
from apps.fraud.schema import OUTCOMES, Band, OperatingPoint, Rule
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.rules.made import columns, transactions
from tests.apps.fraud.thresholds.made import stretch

PRICES = Prices(
    review=300, review_minutes=6, step_up=5, customer=1_000, margin=0.02, step_up_lost=0.1,
    step_up_stops=0.8, review_stops=0.9,
)  # fmt: skip
POINT = OperatingPoint(
    bands=(Band(), Band(from_amount=50_000, step_up=0.4, review=0.6, block=0.95)),
    rules=(
        Rule(key="late", when="late", outcome="review"),
        Rule(key="watch", when='listed("watch")', outcome="block"),
        Rule(key="allow", when='entities.customer == "c-1"', outcome="approve"),
        Rule(key="off", when="late", outcome="block", active=False),
    ),
)


def test_every_figure_is_what_is_counted_by_hand() -> None:
    rows = [row.model_copy(update={"amount": row.amount % 10**6}) for row in transactions(300, 5)]
    chance = np.random.default_rng(1)
    labels = chance.choice([-1, 0, 1], len(rows), p=[0.2, 0.6, 0.2])
    found = backtest(columns(rows), labels, POINT, PRICES)
    stopped = cost = lost = 0.0
    outcomes: Counter[str] = Counter()
    turned_away: set[str] = set()
    nobody = 0
    for row, label in zip(rows, labels.tolist(), strict=True):
        outcome = decide(row, POINT).outcome
        outcomes[outcome] += 1
        if outcome == "review":
            cost += 300
        if outcome == "step_up":
            cost += 5
        if label == 1:
            stopped += (
                row.amount * {"approve": 0, "step_up": 0.8, "review": 0.9, "block": 1}[outcome]
            )
        if label == 0 and outcome == "block":
            cost += row.amount * 0.02 + 1_000
            lost += 1
            turned_away.add(row.entities["customer"])
            nobody += row.entities["customer"] == ""
        if label == 0 and outcome == "step_up":
            cost += 0.1 * row.amount * 0.02
            lost += 0.1
    total = found.total
    assert total.stopped == round(stopped)
    assert total.cost == round(cost)
    assert total.saved == round(stopped) - round(cost)
    assert total.honest_stopped == pytest.approx(lost)
    # Payments without a payer are payers of their own.
    assert total.customers == len(turned_away - {""}) + nobody
    assert total.reviews == outcomes["review"]
    assert total.hours == pytest.approx(outcomes["review"] / 10)
    assert {line.key: line.transactions for line in found.by_outcome} == {
        key: outcomes[key] for key in OUTCOMES
    }
    assert total.unknown == int((labels == -1).sum())
    assert total.fraud_amount == sum(r.amount for r, k in zip(rows, labels, strict=True) if k == 1)


def test_outcomes_and_days_each_add_up_to_the_whole() -> None:
    data, labels = stretch(5_000, 300, seed=2)
    found = backtest(data, labels, OperatingPoint(), PRICES)
    for lines in (found.by_outcome, found.by_day):
        for name in ("transactions", "fraud", "honest", "amount", "reviews"):
            assert sum(getattr(line, name) for line in lines) == getattr(found.total, name)
        assert sum(line.stopped for line in lines) == pytest.approx(found.total.stopped, abs=30)
    assert len(found.by_day) == 20
    assert found.by_day[0].key == "1970-01-01"


def test_rules_are_counted_by_where_they_hold_and_where_they_lead() -> None:
    rows = transactions(200, 7)
    labels = np.zeros(200, dtype=np.int64)
    found = {one.key: one for one in backtest(columns(rows), labels, POINT, PRICES).by_rule}
    assert found["late"].hits == sum(row.late for row in rows)
    assert found["off"].leads == 0
    assert found["off"].hits == found["late"].hits
    drafts = [decide(row, POINT).label for row in rows]
    for key in ("late", "watch", "allow"):
        assert found[key].leads == drafts.count(f"rule.{key}")
    assert found["late"].alone <= found["late"].hits


def test_a_point_that_approves_everything_costs_and_saves_nothing() -> None:
    data, labels = stretch(1_000, 50, seed=3)
    idle = OperatingPoint(bands=(Band(step_up=2, review=2, block=2),))
    found = backtest(data, labels, idle, PRICES)
    assert (found.total.stopped, found.total.cost, found.total.saved) == (0, 0, 0)
    assert found.recall == 0
    assert found.false_positive_rate == 0


def test_days_are_those_of_the_project() -> None:
    data, labels = stretch(500, 50, seed=4, days=2)
    scheme = OperatingPoint().scheme.model_copy(update={"timezone": "Asia/Shanghai"})
    found = backtest(data, labels, OperatingPoint(scheme=scheme), PRICES)
    assert [line.key for line in found.by_day] == ["1970-01-01", "1970-01-02", "1970-01-03"]


def test_two_points_are_compared_on_the_same_transactions() -> None:
    data, labels = stretch(8_000, 600, seed=5)
    strict = OperatingPoint(bands=(Band(step_up=0.3, review=0.4, block=0.6),))
    found = compare(data, labels, OperatingPoint(), strict, PRICES)
    differences = {one.key: one for one in found.differences}
    for one in differences.values():
        assert one.difference == pytest.approx(one.challenger - one.champion, abs=1e-6)
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.difference <= one.high
    assert differences["stopped"].low > 0  # type: ignore[operator]
    assert differences["frauds_missed"].high < 0  # type: ignore[operator]
    moved = sum(one.transactions for one in found.moved)
    same = compare(data, labels, strict, strict, PRICES)
    assert moved > 0
    assert same.moved == ()
    assert all(one.difference == one.low == one.high == 0 for one in same.differences)
    assert found.challenger == backtest(data, labels, strict, PRICES)


def test_another_models_scores_are_compared_too() -> None:
    data, labels = stretch(4_000, 300, seed=6)
    blind = np.full(len(labels), 0.1)
    found = compare(data, labels, OperatingPoint(), OperatingPoint(), PRICES, blind)
    assert found.challenger.recall == 0
    assert found.champion.recall is not None
    assert found.champion.recall > 0.3
    with pytest.raises(InputRefused, match="scores of the challenger"):
        compare(data, labels, OperatingPoint(), OperatingPoint(), PRICES, blind[:5])
    with pytest.raises(InputRefused, match="labels came for"):
        backtest(data, labels[:5], OperatingPoint())


def test_tables_are_in_both_languages_and_of_one_width() -> None:
    data, labels = stretch(2_000, 100, seed=7)
    found = compare(data, labels, OperatingPoint(), OperatingPoint(), PRICES)
    for table in (
        *tables(found.champion, "EUR"), rates(found.champion), compared(found, "EUR"),
    ):  # fmt: skip
        assert table.title.en
        assert table.title.zh
        for heading, cells in table.rows:
            assert heading.en
            assert heading.zh
            assert len(cells) == len(table.columns)
    shown = tables(found.champion, "EUR")[0].rows[-1][1]
    assert shown[2].endswith(" EUR")
    assert not any(math.isnan(line.saved) for line in found.champion.by_day)
