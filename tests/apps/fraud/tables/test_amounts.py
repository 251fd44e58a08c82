"""Promises of amounts: exact minor units, whoever writes them, and everything else named."""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.events import LARGEST_AMOUNT
from apps.fraud.tables.amounts import Read, read_amounts
from apps.fraud.tables.raw import Raw, text_column

DIGITS = st.integers(0, 4)
DECIMALS = st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=6)


def read(raw: Raw, digits: int = 2, decimal: str = ".") -> Read:
    return read_amounts(raw, decimal, np.full(len(raw), digits, dtype=np.int64))


def texts(*values: str | None) -> Raw:
    return text_column(list(values))


def codes(found: Read) -> list[str]:
    """The one code of each row, empty where it is good."""
    rows = len(found.minor)
    return [
        next((code for code, mask in found.bad.items() if mask[row]), "") for row in range(rows)
    ]


def exact(value: Decimal, digits: int) -> int:
    return int(value.scaleb(digits).to_integral_value(rounding=ROUND_HALF_EVEN))


@settings(deadline=None)
@given(st.lists(DECIMALS, min_size=1, max_size=30), DIGITS)
def test_texts_are_read_exactly_and_rounded_half_to_even(
    values: list[Decimal], digits: int
) -> None:
    found = read(texts(*(f"{value:f}" for value in values)), digits)
    wanted = [exact(value, digits) for value in values]
    for row, (got, code) in enumerate(zip(found.minor.tolist(), codes(found), strict=True)):
        large = wanted[row] > LARGEST_AMOUNT
        assert (got, code) == ((0, "amount_too_large") if large else (wanted[row], ""))


@settings(deadline=None)
@given(st.lists(st.floats(0, 10**8, allow_subnormal=False), min_size=1, max_size=30), DIGITS)
def test_a_float_stands_for_its_shortest_decimal(values: list[float], digits: int) -> None:
    found = read(Raw(np.array(values), np.zeros(len(values), dtype=np.bool_)), digits)
    assert found.minor.tolist() == [
        min(exact(Decimal(repr(value)), digits), 10**13) if not code else 0
        for value, code in zip(values, codes(found), strict=True)
    ]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=30))
def test_numbers_in_groups_mean_the_same_in_both_ways_of_writing(values: list[int]) -> None:
    dots = [f"{value // 100:,}.{value % 100:02d}" for value in values]
    swapped = [text.translate(str.maketrans(".,", ",.")) for text in dots]
    spaced = [text.replace(",", "\u202f").replace(".", ",") for text in dots]
    for written, decimal in ((dots, "."), (swapped, ","), (spaced, ",")):
        assert read(texts(*written), decimal=decimal).minor.tolist() == values


def test_half_a_cent_in_a_float_is_decided_by_its_digits() -> None:
    values = np.array([1.005, 1.015, 2.675, 0.125, 0.135])
    found = read(Raw(values, np.zeros(5, dtype=np.bool_)))
    assert found.minor.tolist() == [100, 102, 268, 12, 14]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nan", "amount_nan"),
        ("-Infinity", "amount_infinite"),
        ("-0.01", "amount_negative"),
        ("-1e3", "amount_negative"),
        ("99999999999999", "amount_too_large"),
        ("1e400", "amount_too_large"),
        ("9" * 60, "amount_too_large"),
        ("12.5.1", "amount_not_a_number"),
        ("1,23", "amount_not_a_number"),
        ("12,34.5", "amount_not_a_number"),
        ("ten", "amount_not_a_number"),
        ("0x10", "amount_not_a_number"),
        ("1_000", "amount_not_a_number"),
        ("٣", "amount_not_a_number"),
        (".", "amount_not_a_number"),
        ("1" * 300, "amount_not_a_number"),
        ("", "amount_missing"),
    ],
)
def test_what_is_no_amount_is_named(text: str, code: str) -> None:
    found = read(texts(text, "1.25"))
    assert codes(found) == [code, ""]
    assert found.minor.tolist() == [0, 125]


def test_powers_of_ten_symbols_and_long_fractions_are_amounts() -> None:
    found = read(texts("1.5e2", "€ 12.50", "$1,234.56", "0." + "3" * 30, "+7", ".5", "5."))
    assert found.minor.tolist() == [15_000, 1250, 123_456, 33, 700, 50, 500]
    assert not any(codes(found))


def test_whole_numbers_and_floats_have_the_same_limits() -> None:
    whole = read(Raw(np.array([5, -5, 2**62]), np.zeros(3, dtype=np.bool_)))
    assert (whole.minor.tolist(), codes(whole)) == (
        [500, 0, 0],
        ["", "amount_negative", "amount_too_large"],
    )
    odd = Raw(np.array([np.nan, np.inf, -np.inf, -1.0, 1e300]), np.zeros(5, dtype=np.bool_))
    assert codes(read(odd)) == [
        "amount_nan",
        "amount_infinite",
        "amount_infinite",
        "amount_negative",
        "amount_too_large",
    ]
