"""What cannot be read is refused where it stands, quickly, whatever it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.rules.nodes import And, Compare, Money, Name, Number
from apps.fraud.rules.parsing import DEEPEST, parse
from apps.fraud.rules.refusal import RuleRefused
from apps.fraud.rules.writing import written


def test_a_rule_becomes_a_tree() -> None:
    assert parse("amount >= 12.5 EUR and history < 3") == And(
        (
            Compare(">=", Name("amount"), Money(1250, "EUR")),
            Compare("<", Name("history"), Number(3.0)),
        )
    )


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("amount = 5 EUR", 7, "Write == to compare"),
        ("score > 0.5 && late", 12, "Write and"),
        ("1 < score < 2", 10, "Join two comparisons with and"),
        ("score > 0.5 adn late", 12, "Did you mean and"),
        ("score >", 7, "the rule ends where a value"),
        ("(score > 0.5", 12, "the rule ends where ) should stand"),
        ("amount > 5.001 EUR", 9, "2 digits after the point"),
        ("amount > 5 EUX", 9, "no currency of ISO 4217"),
        ("amount > 5.5 JPY", 9, "0 digits after the point"),
        ('currency == ""', 12, "missing"),
        ("currency == 'EUR'", 12, '"double quotation marks"'),
        ('currency == "EUR', 12, "does not end on its line"),
        ("currency in (EUR)", 13, 'a text such as "DE", or a number'),
        ('lister("x") ', 0, "Did you mean listed"),
        ("missing()", 0, "takes 1 values, not 0"),
        ("score > 0,5", 9, "the end of the rule"),
        ('__import__("os")', 0, "there is no function"),
        ("score > 5 %", 10, "Write a share as 0.05"),
        ("", 0, "the rule ends"),
        ("（score > 1）", 0, "plain ( bracket"),
    ],
)
def test_a_refusal_names_the_place_and_the_way_out(text: str, at: int, message: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        parse(text)
    assert refused.value.at == at
    assert refused.value.message.startswith(f"Character {at + 1}: ")
    assert message in refused.value.message
    assert f"第 {at + 1} 个字符" in refused.value.zh


HOSTILE = {
    "a megabyte": "a" * 2**20,
    "a megabyte of brackets": "(" * 2**20,
    "brackets": "(" * 1990,
    "brackets that close": "(" * 900 + "late" + ")" * 900,
    "not": "not " * 490 + "late",
    "minus": "-" * 1900 + "score > 1",
    "functions": "abs(" * 480 + "1",
    "a sum without end": "score" + "+1" * 900 + " > 1",
    "a number": "score > " + "9" * 1900,
    "a large number": "score > 9999999999999999999",
    "a power": "score > 9**9**9**9",
    "a text": f'currency == "{"x" * 1500}"',
    "zeros": "score > 0." + "0" * 1900,
    "control characters": "score\x00 > 1",
    "half a pair": "score > \ud800",
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_rule_that_would_cost_much_is_refused_at_once(name: str) -> None:
    with pytest.raises(RuleRefused):
        parse(HOSTILE[name])


def test_the_deepest_and_longest_that_is_allowed_is_read_written_and_costs_little() -> None:
    deep = "(" * DEEPEST + "late" + ")" * DEEPEST
    assert parse(deep) == Name("late")
    wide = " or ".join(["late and weekend"] * 90)
    assert written(parse(wide)) == wide
    summed = "score" + " + 1" * 100 + " > 1"
    assert written(parse(summed)) == summed


@given(text=st.text(max_size=80) | st.text(alphabet='()"ale tndor<>=!.,-+*/15', max_size=120))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_rule_or_is_refused(text: str) -> None:
    try:
        node = parse(text)
    except RuleRefused:
        return
    assert parse(written(node)) == node
