"""What a count of misses says about the rate behind it.

Exact for independent units, whatever the rate is: C. Clopper and E. Pearson, "The use of confidence
or fiducial limits illustrated in the case of the binomial", Biometrika 26 (1934). With k misses in
n units the upper limit at level 1 − δ is the rate p that solves P[Binomial(n, p) ≤ k] = δ.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, betaincinv

MOST_UNITS = 100_000
"""Where a search for "how many are needed" gives up: nobody labels that many."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`losses` of `units`, and the two-sided interval of the rate behind them.

    All three numbers are None where there are no units.
    """

    losses: int
    units: int
    value: float | None
    low: float | None
    high: float | None


def rate(losses: int, units: int, confidence: float = 0.95) -> Rate:
    """The share with its Clopper–Pearson interval.

    Raises:
        ValueError: there are more losses than units, or `confidence` is not between 0 and 1.
    """
    _check(losses, units, confidence)
    if units == 0:
        return Rate(losses=0, units=0, value=None, low=None, high=None)
    low, high = interval(np.array([losses]), units, confidence)
    return Rate(
        losses=losses,
        units=units,
        value=losses / units,
        low=float(low[0]),
        high=float(high[0]),
    )


def interval(
    losses: NDArray[np.int64], units: int, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both ends of the two-sided interval for each of `losses`, all out of the same `units` > 0."""
    tail = (1 - confidence) / 2
    found = np.asarray(losses, dtype=np.float64)
    low, high = np.zeros_like(found), np.ones_like(found)
    some, not_all = found > 0, found < units
    low[some] = betaincinv(found[some], units - found[some] + 1, tail)
    high[not_all] = betaincinv(found[not_all] + 1, units - found[not_all], 1 - tail)
    return low, high


def upper(losses: int, units: int, delta: float) -> float:
    """The rate which is not exceeded with confidence 1 − `delta` (one-sided); 1 without units."""
    _check(losses, units, 1 - delta)
    if losses >= units:
        return 1.0
    return float(betaincinv(losses + 1, units - losses, 1 - delta))


def most_losses(units: int, at_most: float, delta: float) -> int:
    """The largest count of losses among `units` with which "the rate is at most `at_most`" holds
    with confidence 1 − `delta`; −1 where not even zero losses would do."""
    _check(0, units, 1 - delta)
    if not 0 < at_most < 1:
        raise ValueError(f"at_most={at_most} is not between 0 and 1. Give a share such as 0.02.")
    if units == 0 or bdtr(0, units, at_most) > delta:
        return -1
    low, high = 0, max(1, math.ceil(units * at_most))  # the mean is never rare enough
    while high - low > 1:
        middle = (low + high) // 2
        if bdtr(middle, units, at_most) <= delta:
            low = middle
        else:
            high = middle
    return low


def units_needed(losses: int, units: int, at_most: float, delta: float) -> int | None:
    """How many units it takes until the limit can be certified, if losses stay as frequent.

    Returns:
        None where no number is enough: the rate seen so far is not below the limit, or so little
        that more than `MOST_UNITS` would be needed.
    """
    share = losses / units if units else 0.0
    if share >= at_most:
        return None
    start = math.ceil(math.log(delta) / math.log1p(-at_most))

    def enough(count: int) -> bool:
        return most_losses(count, at_most, delta) >= math.ceil(share * count - 1e-9)

    high = start
    while not enough(high):
        high *= 2
        if high > MOST_UNITS:
            return None
    low = max(start - 1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high if high <= MOST_UNITS else None


def _check(losses: int, units: int, confidence: float) -> None:
    if not 0 <= losses <= units:
        raise ValueError(f"{losses} losses of {units} units: give 0 ≤ losses ≤ units.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} is not between 0 and 1. Give one such as 0.95.")
