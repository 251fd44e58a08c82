"""Times as they are written become milliseconds since 1970 in UTC."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from apps.fraud.tables.layouts import groups, number
from apps.fraud.tables.raw import Raw
from apps.fraud.tables.time_column import TimeColumn, TimeFormat

_CLOCK = (
    r"(?:(?:[T ]|, )(?P<hour>dd?):(?P<minute>dd)(?::(?P<second>dd)(?:[.,](?P<fraction>d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
    r" ?(?P<zone>Z|z|UTC|GMT|(?P<sign>[+-])(?P<zone_hour>dd):?(?P<zone_minute>dd)?)?)?"
)
_DAY, _MONTH, _YEAR = "(?P<day>dd?)", "(?P<month>dd?)", "(?P<year>dddd|dd)"
_SHAPES: dict[str, re.Pattern[str]] = {
    "iso": re.compile(rf"(?P<year>dddd)([-/.])(?P<month>dd?)\2{_DAY}{_CLOCK}"),
    "day_first": re.compile(rf"{_DAY}([-/. ]){_MONTH}\2{_YEAR}{_CLOCK}"),
    "month_first": re.compile(rf"{_MONTH}([-/. ]){_DAY}\2{_YEAR}{_CLOCK}"),
    "epoch": re.compile(r"(?P<minus>-)?(?P<whole>d{1,19})(?:\.(?P<part>d{1,9}))?"),
}
PER_SECOND = {"epoch_s": 1, "epoch_ms": 10**3, "epoch_us": 10**6, "epoch_ns": 10**9}
"""Units of an epoch in a second."""
_QUARTER = 900_000
"""Milliseconds: clocks change at whole quarters of an hour."""
_LARGEST = 2**62


def read_times(raw: Raw, column: TimeColumn) -> tuple[np.ndarray, np.ndarray]:
    """int64 milliseconds, and which rows are unreadable; missing rows are 0 and not unreadable.

    A local time that a change of clocks left out does not exist and is unreadable; one that
    happened twice is taken as the first.
    """
    there = ~raw.missing
    if raw.values.dtype.kind == "M":
        found = np.where(there, raw.values.astype("datetime64[ms]").astype(np.int64), 0)
        gone = np.zeros(len(raw), dtype=np.bool_)
        return (found, gone) if raw.zoned else _local_to_utc(found, there, column.timezone)
    if raw.values.dtype.kind in "if":
        return _from_numbers(raw.values, there, column.format)
    if raw.values.dtype.kind != "U":
        return np.zeros(len(raw), dtype=np.int64), there
    return _from_words(raw.values, there, column)


def readable(words: np.ndarray, form: TimeFormat) -> np.ndarray:
    """Which of the words are times of that format."""
    there = np.ones(len(words), dtype=np.bool_)
    _, bad = _from_words(words, there, TimeColumn(column="-", format=form))
    return ~bad


def _from_numbers(
    values: np.ndarray, there: np.ndarray, form: str
) -> tuple[np.ndarray, np.ndarray]:
    if form not in PER_SECOND:
        return np.zeros(len(values), dtype=np.int64), there.copy()
    per = PER_SECOND[form]
    if values.dtype.kind == "f":
        milliseconds = np.rint(np.where(there, values, 0.0) / per * 1000.0)
        bad = there & ~(np.abs(milliseconds) < _LARGEST)
        return np.where(bad | ~there, 0.0, milliseconds).astype(np.int64), bad
    whole = np.where(there, values, 0).astype(np.int64)
    bad = np.abs(whole) > _limit(per)
    whole = np.where(bad, 0, whole)
    return (whole * (1000 // per) if per <= 1000 else whole // (per // 1000)), bad


def _from_words(
    words: np.ndarray, there: np.ndarray, column: TimeColumn
) -> tuple[np.ndarray, np.ndarray]:
    found = np.zeros(len(words), dtype=np.int64)
    bad = there.copy()
    local = np.zeros(len(words), dtype=np.bool_)
    trimmed = np.strings.strip(words)
    epoch = column.format in PER_SECOND
    shape = _SHAPES["epoch" if epoch else column.format]
    for layout, rows, codes in groups(trimmed, np.flatnonzero(there)):
        match = shape.fullmatch(layout)
        if match is None:
            continue
        if epoch:
            found[rows] = _epoch(match, codes, PER_SECOND[column.format])
            bad[rows] = False
            continue
        milliseconds, wrong = _civil(match, codes)
        found[rows] = milliseconds
        bad[rows] = wrong
        local[rows] = match["zone"] is None
    if local.any() and column.timezone != "UTC":
        shifted, gone = _local_to_utc(found, local & ~bad, column.timezone)
        found, bad = np.where(local, shifted, found), bad | gone
    return np.where(bad, 0, found), bad


def _epoch(match: re.Match[str], codes: np.ndarray, per: int) -> np.ndarray:
    whole = number(codes, *match.span("whole"))
    # What is far out of any span stays so. 19 digits may be more than int64 holds: then it is < 0.
    whole = np.where(whole < 0, _limit(per), np.minimum(whole, _limit(per)))
    found = whole * (1000 // per) if per <= 1000 else whole // (per // 1000)
    if match["part"] is not None and per == 1:
        start, stop = match.span("part")
        digits = min(3, stop - start)
        found = found + number(codes, start, start + digits) * 10 ** (3 - digits)
    signed: np.ndarray = -found if match["minus"] else found
    return signed


def _limit(per: int) -> int:
    """The largest whole number of a unit whose milliseconds int64 holds."""
    return _LARGEST // max(1, 1000 // per)


def _civil(match: re.Match[str], codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds of civil dates (as if in UTC, or with their offset), and which do not exist."""

    def field(name: str) -> np.ndarray:
        if match[name] is None:
            return np.zeros(len(codes), dtype=np.int64)
        return number(codes, *match.span(name))

    year, month, day = field("year"), field("month"), field("day")
    if len(match["year"]) == 2:
        year = year + 2000
    hour, minute, second = field("hour"), field("minute"), field("second")
    wrong = (month < 1) | (month > 12) | (day < 1) | (hour > 23) | (minute > 59) | (second > 59)
    month = np.clip(month, 1, 12)
    wrong |= day > _days_in(year, month)
    if match["half"] is not None:
        wrong |= (hour < 1) | (hour > 12)
        hour = hour % 12 + 12 * int(match["half"] in "Pp")
    months = (year - 1970) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    if match["sign"] is not None:
        offset = field("zone_hour") * 60 + field("zone_minute")
        wrong |= offset > 18 * 60
        seconds = seconds - offset * (60 if match["sign"] == "+" else -60)
    found = seconds * 1000
    if match["fraction"] is not None:
        start, stop = match.span("fraction")
        digits = min(3, stop - start)
        found = found + number(codes, start, start + digits) * 10 ** (3 - digits)
    return found, wrong


def _days_in(year: np.ndarray, month: np.ndarray) -> np.ndarray:
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    after: np.ndarray = (start + 1).astype("datetime64[D]") - start.astype("datetime64[D]")
    return after.astype(np.int64)


def _local_to_utc(
    local: np.ndarray, rows: np.ndarray, timezone: str
) -> tuple[np.ndarray, np.ndarray]:
    """Local milliseconds to UTC, and which of `rows` do not exist there."""
    gone = np.zeros(len(local), dtype=np.bool_)
    if timezone == "UTC":
        return local, gone
    quarters, which = np.unique(local[rows] // _QUARTER, return_inverse=True)
    offsets = [_offset(timezone, quarter) for quarter in quarters.tolist()]
    missing = np.array([offset is None for offset in offsets], dtype=np.bool_)
    shifts = np.array([offset or 0 for offset in offsets], dtype=np.int64)
    found = local.copy()
    if len(quarters):
        found[rows] = local[rows] - shifts[which]
        gone[rows] = missing[which]
    return found, gone


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=200_000)
def _offset(timezone: str, quarter: int) -> int | None:
    """Milliseconds that a zone is ahead of UTC at a local quarter of an hour; None: left out."""
    try:
        naive = datetime(1970, 1, 1) + timedelta(milliseconds=quarter * _QUARTER)
        local = naive.replace(tzinfo=_zone(timezone))
        back = local.astimezone(UTC).astimezone(_zone(timezone)).replace(tzinfo=None)
    except OverflowError:
        return None
    if back != naive:
        return None
    offset = local.utcoffset()
    return None if offset is None else round(offset.total_seconds() * 1000)
