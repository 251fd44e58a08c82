"""Live counts and warnings: what rules would have done, and how they get in each other's way."""

import numpy as np
import pytest

from apps.fraud.rules.counting import counts
from apps.fraud.rules.parsing import parse
from apps.fraud.rules.warnings import implies, warnings
from apps.fraud.schema import Rule
from tests.apps.fraud.rules.made import columns, transactions

ROWS = transactions(400, 11)
COLUMNS = columns(ROWS)


def _rule(key: str, when: str, outcome: str = "review", **changed: object) -> Rule:
    return Rule.model_validate({"key": key, "when": when, "outcome": outcome, **changed})


def test_counts_are_what_is_counted_row_by_row() -> None:
    rules = [_rule("large", "amount >= 500 EUR"), _rule("late", "late", "block")]
    labels = np.array([row.sequence % 3 - 1 for row in ROWS])
    large, late = counts(rules, COLUMNS, labels=labels)
    hit = [row for row in ROWS if row.amount >= 50_000]
    assert (large.key, large.hits) == ("large", len(hit))
    assert large.amount == sum(row.amount for row in hit)
    assert large.alone == sum(not row.late for row in hit)
    assert late.alone == late.hits == sum(row.late for row in ROWS)
    assert large.fraud == sum(row.sequence % 3 == 2 for row in hit)
    assert large.honest == sum(row.sequence % 3 == 1 for row in hit)


def test_a_rule_that_is_off_takes_nothing_from_others() -> None:
    rules = [_rule("a", "late"), _rule("b", "late", active=False)]
    first, second = counts(rules, COLUMNS)
    assert first.alone == first.hits == second.hits
    assert second.alone == 0


@pytest.mark.parametrize(
    ("first", "second", "holds"),
    [
        ("late and weekend", "late", True),
        ("late", "late or weekend", True),
        ("late or weekend", "late", False),
        ("late and weekend", "weekend and late", True),
        ("late", "weekend", False),
    ],
)
def test_form_shows_what_follows_from_what(first: str, second: str, holds: bool) -> None:
    assert implies(parse(first), parse(second)) is holds


def _told(*rules: Rule, block: bool = False) -> list[tuple[str, str, str]]:
    found = warnings(rules, COLUMNS if block else None)
    assert all(one.text.en and one.text.zh for one in found)
    return [(one.kind, one.key, one.by) for one in found]


def test_the_same_condition_twice_is_told_once() -> None:
    assert _told(_rule("a", "late"), _rule("b", "( late )", "block")) == [
        ("same", "b", "a"),
    ]


def test_a_rule_under_a_stricter_wider_one_changes_nothing() -> None:
    narrow, wide = _rule("narrow", "late and weekend"), _rule("wide", "late", "block")
    assert _told(narrow, wide) == [("shadowed", "narrow", "wide")]
    assert _told(narrow.model_copy(update={"outcome": "block"}), _rule("wide", "late")) == []
    assert _told(narrow, wide.model_copy(update={"active": False})) == []


def test_an_approval_that_wins_over_a_stricter_rule_is_a_conflict() -> None:
    allow = _rule("allow", "late", "approve", wins=True)
    assert _told(_rule("block", "late and weekend", "block"), allow) == [
        ("conflict", "block", "allow")
    ]
    assert _told(_rule("block", "late", "block"), _rule("allow", "late", "approve")) == [
        ("same", "allow", "block")
    ]


def test_a_block_shows_what_the_form_does_not() -> None:
    rules = (_rule("a", "amount > 600 EUR"), _rule("b", "amount > 599 EUR", "block"))
    assert _told(*rules) == []
    assert _told(*rules, block=True) == [("shadowed", "a", "b")]
    never = _rule("never", "hour > 23")
    assert _told(never, block=True) == [("never", "never", "")]
