"""Promises of money: ISO's digits, exact conversion, unknown currencies refused."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from babel.numbers import get_currency_precision, list_currencies
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from apps.fraud.events import LARGEST_AMOUNT
from apps.fraud.money import DIGITS, Rate, Rates, shown, times_rate
from loupe.contract.runtime.errors import InputRefused

CLDR_DIFFERS = {
    *("AFN", "ALL", "IQD", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"),
    *("MRO", "SLL", "STD", "TMM", "ZMK", "ZWD"),
}
"""CLDR writes these as shops do; ISO 4217 has two digits for them, and three for the dinar."""


def test_every_currency_is_known_to_cldr_and_differs_from_it_only_where_iso_does() -> None:
    known = set(list_currencies())
    assert set(DIGITS) <= known
    differing = {code for code in DIGITS if get_currency_precision(code) != DIGITS[code]}
    assert differing == CLDR_DIFFERS


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        ("JPY", 0),
        ("KRW", 0),
        ("CLP", 0),
        ("ISK", 0),
        ("EUR", 2),
        ("IDR", 2),
        ("HUF", 2),
        ("IQD", 3),
        ("KWD", 3),
        ("TND", 3),
        ("CLF", 4),
        ("UYW", 4),
    ],
)
def test_the_exceptions_are_those_of_iso_4217(code: str, digits: int) -> None:
    assert DIGITS[code] == digits


@settings(deadline=None)
@given(
    amounts=st.lists(st.integers(0, LARGEST_AMOUNT), min_size=1, max_size=20),
    units=st.integers(1, 10**15),
    places=st.integers(0, 12),
    steps=st.integers(-4, 4),
)
def test_conversion_is_exact_and_rounds_half_to_even(
    amounts: list[int], units: int, places: int, steps: int
) -> None:
    rate = Decimal(units).scaleb(-places).scaleb(steps)
    exact = [round(Fraction(amount) * Fraction(rate)) for amount in amounts]
    wanted = [value if value <= LARGEST_AMOUNT else -1 for value in exact]
    assert times_rate(np.array(amounts, dtype=np.int64), rate).tolist() == wanted


def test_halves_go_to_the_even_neighbour() -> None:
    amounts = np.array([1, 3, 5, 7], dtype=np.int64)
    assert times_rate(amounts, Decimal("0.5")).tolist() == [0, 2, 2, 4]


def test_the_rate_is_that_of_the_moment_and_before_the_first_there_is_none() -> None:
    rates = Rates(rates={"USD": (Rate(from_time=100, rate="0.5"), Rate(from_time=200, rate="2"))})
    found, missing = rates.converted(np.full(4, 1000), "USD", np.array([99, 100, 199, 200]), "EUR")
    assert found.tolist() == [-1, 500, 500, 2000]
    assert missing.tolist() == [True, False, False, False]


def test_minor_units_of_both_currencies_are_respected() -> None:
    rates = Rates(rates={"JPY": (Rate(from_time=0, rate="0.0061"),)})
    found, _ = rates.converted(np.array([12_345]), "JPY", np.array([5]), "KWD")
    assert found.tolist() == [round(Fraction(12_345) * Fraction("0.0061") * 1000)]


def test_a_currency_of_the_projects_own_needs_its_digits_and_a_rate() -> None:
    with pytest.raises(ValidationError, match="say in digits"):
        Rates(rates={"USDT": (Rate(from_time=0, rate="0.9"),)})
    rates = Rates(rates={"USDT": (Rate(from_time=0, rate="0.9"),)}, digits={"USDT": 6})
    found, _ = rates.converted(np.array([1_000_000]), "USDT", np.array([1]), "EUR")
    assert found.tolist() == [90]
    with pytest.raises(InputRefused, match="not of ISO 4217"):
        Rates().converted(np.array([1]), "XXQ", np.array([1]), "EUR")


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity", "1e40", "x", "0.0000000000001"])
def test_rates_that_are_none_are_refused(rate: str) -> None:
    with pytest.raises(ValidationError):
        Rate(from_time=0, rate=rate)


def test_amounts_are_written_with_their_digits() -> None:
    assert [shown(1250, "EUR"), shown(1250, "JPY"), shown(7, "KWD")] == [
        "12.50 EUR",
        "1250 JPY",
        "0.007 KWD",
    ]
