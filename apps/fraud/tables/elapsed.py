"""Whether a column of numbers counts time from a start that the file does not name.

PaySim's ``step`` (hours), the ``Time`` of ULB's credit cards (seconds), the Handbook's
``TX_TIME_SECONDS`` and ``TX_TIME_DAYS`` and IEEE-CIS's ``TransactionDT`` (seconds) do.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.fraud.tables.names import likeness, tokens
from apps.fraud.tables.raw import Raw
from apps.fraud.tables.since import whole_counts
from apps.fraud.tables.time_column import UNITS, TimeFormat

_GOOD = 0.9
"""Share of the values that are counts; the others are bad rows."""
_LONGEST_MS = 50 * 366 * 86_400_000
"""A count of transactions goes over less than this; else its unit is another."""
_WORDS: Final[dict[TimeFormat, tuple[str, ...]]] = {
    "since_ms": ("ms", "msec", "millis", "millisecond", "milliseconds", "millisekunden", "毫秒"),
    "since_s": ("s", "sec", "secs", "second", "seconds", "sekunden", "秒", "秒数"),
    "since_min": ("min", "mins", "minute", "minutes", "minuten", "分钟", "分钟数"),
    "since_h": ("h", "hr", "hrs", "hour", "hours", "stunde", "stunden", "小时", "小时数"),
    "since_d": ("d", "day", "days", "tag", "tage", "天", "天数"),
}
_STEPS: Final = ("step", "steps", "time step", "timestep", "zeitschritt", "时间步", "步")
"""PaySim's are hours, and what came after it calls them so too."""
_PLAIN: Final = (
    *("transaction dt", "time delta", "timedelta", "time offset", "relative time", "elapsed"),
    *("elapsed time", "time elapsed", "time since start", "经过时间", "相对时间"),
)
_ALONE: Final = (
    *("milliseconds", "seconds", "minutes", "hours", "days"),
    *("millisekunden", "sekunden", "minuten", "stunden", "tage"),
    *("毫秒", "毫秒数", "秒数", "分钟数", "小时数", "天数"),
)
"""``hour`` and ``day`` alone are parts of a date."""
_BEFORE: Final = ("time", "elapsed", "elapsed time", "时间")
NAMES: Final = (
    *(*_STEPS, *_PLAIN, *_ALONE),
    *(f"{before} {word}" for before in _BEFORE for words in _WORDS.values() for word in words),
)


@dataclass(frozen=True)
class Elapsed:
    """Of the whole numbers from 0 of a column, in the order of its rows.

    Attributes:
        rising: none is smaller than the one before.
        numbering: each is one more than the one before: a number of rows, most likely.
    """

    least: int
    most: int
    rising: bool
    numbering: bool


def elapsed(raw: Raw, epochs: float) -> Elapsed | None:
    """What a column counts; None: it has no whole numbers from 0, or they are times or dates.

    Args:
        epochs: the share of its values that are sizes of times since 1970.
    """
    if raw.values.dtype.kind not in "Uif" or epochs > 1 - _GOOD:
        return None
    counts, bad = whole_counts(raw)
    good = ~raw.missing
    for mask in bad.values():
        good &= ~mask
    counts = counts[good]
    if len(counts) < _GOOD * int((~raw.missing).sum()) or not len(counts):
        return None
    if counts.max() > _LONGEST_MS or _dates(counts):
        return None
    steps = np.diff(counts)
    return Elapsed(
        least=int(counts.min()),
        most=int(counts.max()),
        rising=bool((steps >= 0).all()),
        numbering=len(steps) > 0 and bool((steps == 1).all()),
    )


def _dates(counts: np.ndarray) -> bool:
    """Whether they are dates written as one number, as 20260131."""
    year, month, day = counts // 10_000, counts // 100 % 100, counts % 100
    fits = (year >= 1970) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return bool(fits.all())


def named(name: str) -> float:
    """How well a name says that the column counts time: 0, or from 0.9 to 1."""
    found = likeness(name, NAMES)
    return found if found >= _GOOD else 0.0


def told_unit(name: str) -> TimeFormat | None:
    """The unit that a name says."""
    words = tokens(name)
    for form, known in _WORDS.items():
        # Chinese joins words; milliseconds stand before seconds.
        if set(words) & set(known) or any(
            not word.isascii() and word in "".join(words) for word in known
        ):
            return form
    return None


def unit_of(name: str, seen: Elapsed) -> TimeFormat:
    """The likely unit: what the name says, else seconds; a finer one where that takes too long."""
    stepped = likeness(name, _STEPS) >= _GOOD
    likely = told_unit(name) or ("since_h" if stepped else "since_s")
    choices: tuple[TimeFormat, ...] = (likely, "since_s", "since_ms")
    return next(form for form in choices if seen.most * UNITS[form] <= _LONGEST_MS)
