"""Amounts as they are written become whole minor units, exactly."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np

from apps.fraud.events import LARGEST_AMOUNT
from apps.fraud.tables.layouts import groups, number
from apps.fraud.tables.raw import Raw

_SYMBOLS = "€$£¥₹₩₽₺₴₦฿"
_SPACE = " \u00a0\u202f'\u2019"
_HALF = 2e-3
"""How near to a half a float's product must be for its decimal digits to be asked: products below
2^40 are off by less than 2^-11 = 4.9e-4."""


@dataclass(frozen=True)
class Read:
    """Amounts in minor units (int64, 0 where a mask is set), and masks by code."""

    minor: np.ndarray
    bad: dict[str, np.ndarray]


def read_amounts(raw: Raw, decimal: str, digits: np.ndarray) -> Read:
    """Amounts with `digits` (int64 by row) places after the point as minor units.

    A float stands for the shortest decimal that reads back as it. More places than the currency
    has are rounded half to even.

    Args:
        decimal: the decimal sign of texts, ``.`` or ``,``.
        digits: by row; 0 for columns in minor units.
    """
    if raw.values.dtype.kind == "U":
        return _from_words(raw, decimal, digits)
    if raw.values.dtype.kind in "iu":
        return _from_integers(raw, digits)
    if raw.values.dtype.kind == "f":
        return _from_floats(raw, digits)
    count = len(raw)
    bad = {"amount_not_a_number": ~raw.missing, "amount_missing": raw.missing}
    return Read(np.zeros(count, dtype=np.int64), bad)


def _from_integers(raw: Raw, digits: np.ndarray) -> Read:
    values = np.where(raw.missing, 0, raw.values).astype(np.int64)
    factors = 10**digits
    large = values > LARGEST_AMOUNT // factors
    negative = values < 0
    minor = np.where(large | negative, 0, values) * factors
    return Read(
        minor,
        {
            "amount_missing": raw.missing,
            "amount_negative": negative,
            "amount_too_large": large,
        },
    )


def _from_floats(raw: Raw, digits: np.ndarray) -> Read:
    values = np.where(raw.missing, 0.0, raw.values)
    bad = {
        "amount_missing": raw.missing,
        "amount_nan": np.isnan(values),
        "amount_infinite": np.isinf(values),
    }
    values = np.where(np.isfinite(values), values, 0.0)
    bad["amount_negative"] = values < 0
    with np.errstate(over="ignore"):
        scaled = values * 10.0**digits
    bad["amount_too_large"] = scaled > LARGEST_AMOUNT
    scaled = np.where(bad["amount_negative"] | bad["amount_too_large"], 0.0, scaled)
    minor = np.rint(scaled).astype(np.int64)
    near = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < _HALF
    for row in np.flatnonzero(near).tolist():
        exact = Decimal(repr(float(values[row]))).scaleb(int(digits[row]))
        minor[row] = int(exact.to_integral_value(rounding="ROUND_HALF_EVEN"))
    return Read(minor, bad)


def _shape(decimal: str) -> re.Pattern[str]:
    """Numbers with this decimal sign, their groups of three parted by the other sign or a space."""
    other = re.escape("," if decimal == "." else ".")
    point = re.escape(decimal)
    grouped = rf"d{{1,3}}(?:(?P<by>[{other}{_SPACE}])ddd)(?:(?P=by)ddd)*"
    return re.compile(
        rf"(?P<sign>[+-])?(?P<whole>{grouped}|d*)(?:{point}(?P<part>d*))?(?P<power>[eE][+-]?d+)?"
    )


_SHAPES = {decimal: _shape(decimal) for decimal in (".", ",")}
_WORDS = {
    "nan": "amount_nan", "inf": "amount_infinite", "infinity": "amount_infinite",
}  # fmt: skip


def _from_words(raw: Raw, decimal: str, digits: np.ndarray) -> Read:
    count = len(raw)
    masks = {
        code: np.zeros(count, dtype=np.bool_)
        for code in (
            *("amount_not_a_number", "amount_nan", "amount_infinite"),
            *("amount_negative", "amount_too_large"),
        )
    }
    words = np.strings.strip(raw.values, _SYMBOLS + _SPACE)
    words = np.where(raw.missing, "", words)
    missing = words == ""
    mantissas = np.zeros(count, dtype=np.int64)
    places = np.zeros(count, dtype=np.int64)
    for layout, rows, codes in groups(words, np.flatnonzero(~missing)):
        match = _SHAPES[decimal].fullmatch(layout)
        whole, part = (match["whole"] or "", match["part"] or "") if match else ("", "")
        if match is None or "d" not in whole + part:
            for row in rows.tolist():
                plain = str(words[row]).lstrip("+-").lower()
                masks[_WORDS.get(plain, "amount_not_a_number")][row] = True
            continue
        size = whole.count("d") + len(part)
        if match["power"] is not None or size > 18:
            for row in rows.tolist():
                _one(str(words[row]), row, decimal, digits, mantissas, places, masks)
            continue
        columns = [index for index in range(len(layout)) if layout[index] == "d"]
        mantissas[rows] = number(codes[:, columns], 0, size)
        places[rows] = len(part)
        if match["sign"] == "-":
            masks["amount_negative"][rows] = mantissas[rows] > 0
    minor, large = _scaled(mantissas, digits - places)
    masks["amount_too_large"] |= large
    wrong = np.logical_or.reduce(list(masks.values()))
    return Read(np.where(wrong, 0, minor), {"amount_missing": missing, **masks})


def _one(
    word: str,
    row: int,
    decimal: str,
    digits: np.ndarray,
    mantissas: np.ndarray,
    places: np.ndarray,
    masks: dict[str, np.ndarray],
) -> None:
    """One number with a power of ten or of many digits."""
    other = "," if decimal == "." else "."
    plain = "".join(char for char in word if char not in _SPACE + other).replace(decimal, ".")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        masks["amount_not_a_number"][row] = True
        return
    if value < 0:
        masks["amount_negative"][row] = True
    elif value.adjusted() > 18:
        masks["amount_too_large"][row] = True
    elif value.adjusted() >= -18:
        exact = value.scaleb(int(digits[row])).to_integral_value(rounding="ROUND_HALF_EVEN")
        masks["amount_too_large"][row] = exact > LARGEST_AMOUNT
        mantissas[row] = int(min(exact, Decimal(LARGEST_AMOUNT)))
        places[row] = digits[row]


def _scaled(mantissas: np.ndarray, powers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """mantissa × 10^power, rounded half to even, and which exceed `LARGEST_AMOUNT`."""
    factors = 10 ** np.maximum(powers, 0)
    divisors = 10 ** np.minimum(np.maximum(-powers, 0), 18)
    large = mantissas // divisors > LARGEST_AMOUNT // factors
    quotients, rests = np.divmod(np.where(large, 0, mantissas), divisors)
    half = divisors - rests
    up = (rests > half) | ((rests == half) & (quotients % 2 == 1))
    found: np.ndarray = quotients * factors + up
    return found, large | (found > LARGEST_AMOUNT)
