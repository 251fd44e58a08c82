"""What a count of false positives says about the rate behind it.

Exact for independent rows, whatever the rate is: C. Clopper and E. Pearson, "The use of confidence
or fiducial limits illustrated in the case of the binomial", Biometrika 26 (1934).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, betaincinv, ndtri

MOST_ROWS = 2_000_000_000
"""Where a search for "how many are needed" gives up."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`hits` of `rows`, and both ends of the two-sided interval; None where there are no rows."""

    hits: int
    rows: int
    value: float | None
    low: float | None
    high: float | None


def rate(hits: int, rows: int, confidence: float = 0.95) -> Rate:
    """The share with its interval.

    Raises:
        ValueError: there are more hits than rows, or `confidence` is not between 0 and 1.
    """
    if not 0 <= hits <= rows:
        raise ValueError(f"{hits} hits of {rows} rows: give 0 ≤ hits ≤ rows.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} is not between 0 and 1. Give one such as 0.95.")
    if rows == 0:
        return Rate(hits=0, rows=0, value=None, low=None, high=None)
    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, rows - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, rows - hits, 1 - tail)) if hits < rows else 1.0
    return Rate(hits=hits, rows=rows, value=hits / rows, low=low, high=high)


def most_hits(rows: int, at_most: float, delta: float) -> int:
    """The largest count of hits among `rows` with which "the rate is at most `at_most`" holds with
    confidence 1 − `delta`; −1 where not even none would do."""
    if rows == 0 or bdtr(0, rows, at_most) > delta:
        return -1
    low, high = 0, max(1, math.ceil(rows * at_most))  # the mean is never rare enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bdtr(middle, rows, at_most) <= delta else (low, middle)
    return low


def rows_needed(share: float, at_most: float, delta: float) -> int | None:
    """Rows until the limit can be certified, if hits stay as frequent as `share`; None: never."""
    if share >= at_most:
        return None
    least = math.ceil(math.log(delta) / math.log1p(-at_most))

    def enough(rows: int) -> bool:
        return most_hits(rows, at_most, delta) >= math.ceil(share * rows - 1e-9)

    high = least
    while not enough(high):
        high *= 2
        if high > MOST_ROWS:
            return None
    low = max(least - 1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def rows_to_measure(share: float, within: float, confidence: float = 0.95) -> int:
    """Rows that tell a rate of `share` within ± `within` of itself: z² (1 − p) / (p · within²).

    480,000 for 0.02 % within a fifth at 95 %.
    """
    z = float(ndtri((1 + confidence) / 2))
    return math.ceil(z**2 * (1 - share) / (share * within**2))


def spread(counts: np.ndarray) -> float:
    """How much more counts vary from day to day than by chance alone; 1: as by chance.

    Variance over mean (R. Fisher's index of dispersion). Well above 1, days differ by more than
    luck, and an interval that takes rows for independent is too narrow.
    """
    mean = float(np.mean(counts)) if len(counts) else 0.0
    return float(np.var(counts, ddof=1)) / mean if len(counts) > 1 and mean > 0 else 1.0
