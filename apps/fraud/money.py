"""Money as whole minor units: ISO 4217, and conversion at the rate of the moment.

Digits after the point are ISO 4217's, not CLDR's: CLDR writes some currencies as people do in
shops (no fils for the Iraqi dinar), and its tables change with habits. Amounts are int64 minor
units, converted exactly and rounded half to even.

Source: ISO 4217 list one, and list three for many currencies withdrawn since 2003, which old files
have.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.fraud.events import LARGEST_AMOUNT
from loupe.contract.runtime.errors import InputRefused

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN "
    "QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
    "TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG BOV CHE CHW COU MXV "
    "USN "
    "ANG AZM BGN BGL BYB CSD CUC EEK GHC HRK LTL LVL MRO MTL MZM RUR SDD SIT SKK SLL SRG STD TMM "
    "UAK VEF ZMK ZWD ZWL ZWR CYP"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BYR TRL"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"

DIGITS: Mapping[str, int] = {
    code: digits
    for digits, codes in ((2, _TWO), (0, _NONE), (3, _THREE), (4, _FOUR))
    for code in codes.split()
}
"""Digits after the point of each currency that money is paid in; metals and units of account have
none and are not here."""

MOST_RATES = 100_000
_LARGEST_DENOMINATOR = 10**17


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rate(_Frozen):
    """From a moment on, one unit of a currency is worth `rate` units of the project's."""

    from_time: int = Field(description="milliseconds since 1970, UTC")
    rate: str = Field(max_length=30, description="a positive decimal number, such as 0.9137")

    @property
    def value(self) -> Decimal:
        """The rate as a number."""
        return Decimal(self.rate)

    @model_validator(mode="after")
    def _positive(self) -> Self:
        try:
            value = self.value
        except InvalidOperation as error:
            raise ValueError(f"rate is {self.rate!r}; write a decimal such as 0.9137.") from error
        if not value.is_finite() or not Decimal("1e-9") <= value <= Decimal("1e9"):
            raise ValueError(f"rate is {self.rate}; give a number from 1e-9 to 1e9.")
        exponent = value.normalize().as_tuple().exponent
        if isinstance(exponent, int) and exponent < -12:
            raise ValueError(f"rate is {self.rate}; give at most 12 digits after the point.")
        return self


class Rates(_Frozen):
    """What the project knows of other currencies, by code, the moments ascending."""

    rates: dict[str, tuple[Rate, ...]] = Field(default_factory=dict)
    digits: dict[str, int] = Field(
        default_factory=dict, description="of currencies that ISO 4217 does not have"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if sum(len(rates) for rates in self.rates.values()) > MOST_RATES:
            raise ValueError(f"At most {MOST_RATES:,} rates are taken.")
        for code, rates in self.rates.items():
            moments = [rate.from_time for rate in rates]
            if not rates or moments != sorted(set(moments)):
                raise ValueError(f"rates of {code}: give from_time in ascending order, each once.")
            if code not in DIGITS and code not in self.digits:
                raise ValueError(f"{code} is not of ISO 4217: say in digits how many it has.")
        for code, digits in self.digits.items():
            if code in DIGITS or not 0 <= digits <= 8 or not 1 <= len(code) <= 12:
                raise ValueError(f"digits of {code} are {digits}; give 0 to 8, for others only.")
        return self

    def digits_of(self, currency: str) -> int | None:
        """Digits after the point; None: nobody knows this currency."""
        return DIGITS.get(currency, self.digits.get(currency))

    @cached_property
    def _tables(self) -> dict[str, tuple[np.ndarray, tuple[Decimal, ...]]]:
        return {
            code: (
                np.array([rate.from_time for rate in rates], dtype=np.int64),
                tuple(rate.value for rate in rates),
            )
            for code, rates in self.rates.items()
        }

    def converted(
        self, amounts: np.ndarray, currency: str, times: np.ndarray, target: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Minor units of `target` at the rate of each moment, and which rows have no rate.

        Args:
            amounts: int64 minor units of `currency`, 0 to `LARGEST_AMOUNT`.
            times: int64 milliseconds, of the same length.

        Returns:
            int64 amounts (−1: no rate, or more than `LARGEST_AMOUNT`), and a mask: no rate.

        Raises:
            InputRefused: nobody knows one of the currencies.
        """
        missing = np.zeros(len(amounts), dtype=np.bool_)
        if currency == target:
            return amounts.astype(np.int64), missing
        steps = self._digits(target) - self._digits(currency)
        if currency not in self._tables:
            return np.full(len(amounts), -1, dtype=np.int64), ~missing
        moments, values = self._tables[currency]
        which = np.searchsorted(moments, times, side="right") - 1
        found = np.full(len(amounts), -1, dtype=np.int64)
        for index in np.unique(which).tolist():
            rows = which == index
            if index < 0:
                missing |= rows
            else:
                found[rows] = times_rate(amounts[rows], values[index].scaleb(steps))
        return found, missing

    def _digits(self, currency: str) -> int:
        digits = self.digits_of(currency)
        if digits is None:
            raise InputRefused(
                f"currency={currency!r} is not of ISO 4217 and the project has no rate for it.",
                code="currency_unknown",
            )
        return digits


def times_rate(amounts: np.ndarray, rate: Decimal) -> np.ndarray:
    """round(amount × rate), half to even, exactly; −1 where it exceeds `LARGEST_AMOUNT`.

    With rate = n / d the quotient is estimated in floating point, which is at most one off, and
    the remainder amount × n − quotient × d is exact modulo 2^64: it is less than 2 d < 2^63, so
    it tells which way to correct.

    Args:
        amounts: int64, 0 to `LARGEST_AMOUNT`.
        rate: positive, with a denominator of at most 10^17.
    """
    numerator, denominator = rate.as_integer_ratio()
    if denominator > _LARGEST_DENOMINATOR:
        raise ValueError(f"rate={rate} has too many digits after the point.")
    estimate = np.rint(amounts.astype(np.float64) * (numerator / denominator))
    large = estimate > LARGEST_AMOUNT
    quotient = np.where(large, 0, estimate).astype(np.int64)
    with np.errstate(over="ignore"):
        product = amounts.astype(np.uint64) * np.uint64(numerator % 2**64)
        whole = quotient.astype(np.uint64) * np.uint64(denominator)
        rest = (product - whole).view(np.int64)
    twice = np.where(large, 0, rest * 2)
    odd = quotient % 2 == 1
    quotient += (twice > denominator) | ((twice == denominator) & odd)
    quotient -= (twice < -denominator) | ((twice == -denominator) & odd)
    return np.where(large | (quotient > LARGEST_AMOUNT), -1, quotient)


def shown(minor: int, currency: str, digits: int | None = None) -> str:
    """An amount as plain text, such as ``12.50 EUR``.

    >>> shown(1250, "EUR"), shown(1250, "JPY"), shown(5, "KWD")
    ('12.50 EUR', '1250 JPY', '0.005 KWD')
    """
    places = DIGITS.get(currency, 2) if digits is None else digits
    return f"{Decimal(minor).scaleb(-places):.{places}f} {currency}"
