"""A rule means the same over a block, over one row, and to an evaluator that shares no code."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.rules.columns import Block, holds
from apps.fraud.rules.parsing import parse
from apps.fraud.rules.row import Row, holds_one
from apps.fraud.rules.writing import written
from apps.fraud.schema import ScoredTransaction
from tests.apps.fraud.rules.made import columns, transactions

ROWS = transactions(60)
COLUMNS = columns(ROWS)
ZONE = "Europe/Paris"

Truth = bool | None
Condition = tuple[str, Callable[[ScoredTransaction], Truth]]
Figure = tuple[str, Callable[[ScoredTransaction], float | None]]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _feature(name: str) -> Callable[[ScoredTransaction], float | None]:
    def read(row: ScoredTransaction) -> float | None:
        value = row.features.get(name)
        return None if value == -1 else _finite(value)

    return read


def _clock(row: ScoredTransaction) -> datetime:
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
    return (start + timedelta(milliseconds=row.event_time)).astimezone(ZoneInfo(ZONE))


FIGURES: list[Figure] = [
    ("amount", lambda row: row.amount),
    ("score", lambda row: row.score),
    ("history", lambda row: row.history),
    ("hour", lambda row: _clock(row).hour),
    ("day", lambda row: _clock(row).day),
    ("features.customer_count_1h", _feature("customer_count_1h")),
    ("features.customer_mean_7d", _feature("customer_mean_7d")),
    ("features.device_risk_7d", _feature("device_risk_7d")),
    ("features.not_there", lambda row: None),
    ("0", lambda row: 0),
    ("0.5", lambda row: 0.5),
    ("1250", lambda row: 1250),
    ("500 EUR", lambda row: 50_000),
]
TEXTS: list[tuple[str, Callable[[ScoredTransaction], str]]] = [
    ("entities.customer", lambda row: row.entities["customer"]),
    ("entities.device", lambda row: row.entities["device"].rstrip("\0")),
    ("entities.nobody", lambda row: ""),
    ("attributes.country", lambda row: row.attributes["country"]),
    ("currency", lambda row: row.currency),
]
WORDS = ["c-1", "C-1", "ünïcode-卡", "DE", "EUR", "dev-", "c"]
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
STEPS: dict[str, Callable[[float, float], float | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
}


def _calculated(sign: str, left: Figure, right: Figure) -> Figure:
    def value(row: ScoredTransaction) -> float | None:
        first, second = left[1](row), right[1](row)
        return None if first is None or second is None else _finite(STEPS[sign](first, second))

    return f"({left[0]} {sign} {right[0]})", value


def _negative(inner: Figure) -> Figure:
    def value(row: ScoredTransaction) -> float | None:
        found = inner[1](row)
        return None if found is None else -found

    return f"-({inner[0]})", value


figures = st.recursive(
    st.sampled_from(FIGURES),
    lambda inner: (
        st.builds(_calculated, st.sampled_from(sorted(STEPS)), inner, inner)
        | st.builds(_negative, inner)
    ),
    max_leaves=4,
)


def _compared(sign: str, left: Figure, right: Figure) -> Condition:
    def value(row: ScoredTransaction) -> Truth:
        first, second = left[1](row), right[1](row)
        return None if first is None or second is None else SIGNS[sign](first, second)

    return f"{left[0]} {sign} {right[0]}", value


def _said(text: tuple[str, Callable[[ScoredTransaction], str]], word: str, how: str) -> Condition:
    name, read = text

    def value(row: ScoredTransaction) -> Truth:
        found = read(row)
        if how == "missing":
            return found == ""
        if not found:
            return None
        return {
            "==": found == word,
            "!=": found != word,
            "in": found in (word, "FR"),
            "starts_with": found[: len(word)] == word,
            "ends_with": found[-len(word) :] == word,
            "contains": len(found.split(word)) > 1,
        }[how]

    if how in ("==", "!="):
        return f'{name} {how} "{word}"', value
    if how == "in":
        return f'{name} in ("{word}", "FR")', value
    if how == "missing":
        return f"missing({name})", value
    return f'{how}({name}, "{word}")', value


conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(_compared, st.sampled_from(sorted(SIGNS)), figures, figures),
    st.builds(
        _said,
        st.sampled_from(TEXTS),
        st.sampled_from(WORDS),
        st.sampled_from(["==", "!=", "in", "missing", "starts_with", "ends_with", "contains"]),
    ),
    st.just(("late", lambda row: row.late)),
    st.just(("weekend", lambda row: _clock(row).isoweekday() > 5)),
    st.just(('weekday == "tue"', lambda row: _clock(row).isoweekday() == 2)),
    st.just(
        (
            'listed("watch")',
            lambda row: (
                None
                if math.isnan(row.features["listed_watch"])
                else row.features["listed_watch"] == 1
            ),
        )
    ),
    st.just(
        (
            "amount_original >= 500 USD",
            lambda row: None if row.currency != "USD" else row.amount_original >= 50_000,
        )
    ),
    st.just(
        (
            "attributes.channel > 12",
            lambda row: {"12.5": True, "1e3": True}.get(row.attributes["channel"]),
        )
    ),
)


def _not(inner: Condition) -> Condition:
    def value(row: ScoredTransaction) -> Truth:
        found = inner[1](row)
        return None if found is None else not found

    return f"not ({inner[0]})", value


def _all(items: list[Condition]) -> Condition:
    def value(row: ScoredTransaction) -> Truth:
        found = [item[1](row) for item in items]
        return False if False in found else (None if None in found else True)

    return " and ".join(f"({item[0]})" for item in items), value


def _any(items: list[Condition]) -> Condition:
    def value(row: ScoredTransaction) -> Truth:
        found = [item[1](row) for item in items]
        return True if True in found else (None if None in found else False)

    return " or ".join(f"({item[0]})" for item in items), value


rules = st.recursive(
    conditions,
    lambda inner: (
        st.builds(_not, inner)
        | st.builds(_all, st.lists(inner, min_size=2, max_size=3))
        | st.builds(_any, st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=6,
)


@given(rule=rules)
@settings(max_examples=400, deadline=None)
def test_block_row_and_an_independent_evaluator_agree(rule: Condition) -> None:
    text, expected = rule
    node = parse(text)
    found = holds(node, Block(COLUMNS, ZONE)).tolist()
    assert found == [expected(row) is True for row in ROWS], text
    assert found == [holds_one(node, Row(row, ZONE)) for row in ROWS], text


@given(rule=rules)
@settings(max_examples=200, deadline=None)
def test_the_canonical_text_reads_back_as_the_same_rule(rule: Condition) -> None:
    node = parse(rule[0])
    again = parse(written(node))
    assert again == node
    assert written(again) == written(node)


def test_negation_of_a_comparison_with_a_missing_value_does_not_hold_either() -> None:
    block = Block({"score": np.array([0.2]), "features.x": np.array([-1.0])})
    assert not holds(parse("features.x > 3"), block).any()
    assert not holds(parse("not features.x > 3"), block).any()
    assert holds(parse("missing(features.x)"), block).all()


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "UTC"])
def test_hours_are_those_of_the_projects_clocks(zone: str) -> None:
    times = np.random.default_rng(3).integers(0, 2_000_000_000_000, 500)
    block = Block({"event_time": times}, zone)
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
    local = [(start + timedelta(milliseconds=int(t))).astimezone(ZoneInfo(zone)) for t in times]
    assert block.number("hour").tolist() == [moment.hour for moment in local]
    assert block.number("day").tolist() == [moment.day for moment in local]
    assert block.truth("weekend").tolist() == [moment.weekday() >= 5 for moment in local]


def test_an_empty_block_has_no_rows_that_hold() -> None:
    empty = {name: column[:0] for name, column in COLUMNS.items()}
    assert holds(parse("amount > 5 EUR or late"), Block(empty, ZONE)).shape == (0,)
