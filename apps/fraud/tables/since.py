"""Counts of a unit from a start become milliseconds since 1970 in UTC, without any rounding."""

import re
import time
from decimal import Decimal

import numpy as np

from apps.fraud.tables.layouts import groups, number
from apps.fraud.tables.raw import Raw
from apps.fraud.tables.time_column import UNITS, TimeColumn, milliseconds
from loupe.contract.runtime.errors import InputRefused

_SHAPE = re.compile(
    r"(?P<sign>[+-])?(?P<whole>d{1,19})(?:\.(?P<part>d*))?(?:[eE](?P<power>[+-]?d{1,3}))?"
)
"""R writes the count 100000 as ``1e+05``; pandas writes counts with gaps as ``12.0``."""
_BEYOND = 2**62
Bad = dict[str, np.ndarray]


def read_counts(raw: Raw, column: TimeColumn) -> tuple[np.ndarray, Bad]:
    """int64 milliseconds, and bad rows by the code of `problems.REASONS`; missing rows are in none.

    Args:
        column: one that counts; its `largest` is the largest count that is taken.
    """
    counts, bad = whole_counts(raw)
    past = ~raw.missing & (counts > column.largest)
    for mask in bad.values():
        past &= ~mask
    bad["count_past_2099"] = past
    wrong = raw.missing.copy()
    for mask in bad.values():
        wrong |= mask
    taken = np.where(wrong, 0, counts)
    return milliseconds(column.zero) + taken * UNITS[column.format], bad


def whole_counts(raw: Raw) -> tuple[np.ndarray, Bad]:
    """int64 whole numbers from 0, cut at 2^62, and which rows have none, by code."""
    there = ~raw.missing
    match raw.values.dtype.kind:
        case "i":
            counts = np.where(there, raw.values, 0).astype(np.int64)
            nothing = np.zeros(len(raw), dtype=np.bool_)
            unreadable, fraction = nothing, nothing.copy()
            negative = counts < 0
        case "f":
            values = np.where(there, raw.values, 0.0).astype(np.float64)
            unreadable = ~np.isfinite(values)
            values = np.where(unreadable, 0.0, values)
            negative = values < 0
            # Every float from 2^53 on is whole, and none below is rounded here.
            fraction = ~negative & (values != np.floor(values))
            counts = np.clip(values, 0.0, float(_BEYOND)).astype(np.int64)
        case "U":
            counts, unreadable, negative, fraction = _from_words(raw.values, there)
        case _:
            counts = np.zeros(len(raw), dtype=np.int64)
            unreadable, negative = there, np.zeros(len(raw), dtype=np.bool_)
            fraction = negative.copy()
    bad = {
        "count_unreadable": unreadable,
        "count_negative": negative,
        "count_not_whole": fraction,
    }
    return np.clip(counts, 0, _BEYOND), bad


def _from_words(
    words: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    counts = np.zeros(len(words), dtype=np.int64)
    unreadable = there.copy()
    negative, fraction = (np.zeros(len(words), dtype=np.bool_) for _ in range(2))
    for layout, rows, codes in groups(np.strings.strip(words), np.flatnonzero(there)):
        match = _SHAPE.fullmatch(layout)
        if match is None:
            continue
        unreadable[rows] = False
        if match["power"] is None:
            found, broken = _plain(match, codes)
        else:
            found, broken = _powers(codes)
        if match["sign"] == "-":
            negative[rows] = (found > 0) | broken
            broken = broken & False
        counts[rows], fraction[rows] = found, broken
    return counts, unreadable, negative, fraction


def _plain(match: re.Match[str], codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    whole = number(codes, *match.span("whole"))
    # 19 digits may be more than int64 holds: then it is < 0.
    whole = np.where(whole < 0, _BEYOND, whole)
    if not match["part"]:
        return whole, np.zeros(len(whole), dtype=np.bool_)
    start, stop = match.span("part")
    broken: np.ndarray = (codes[:, start:stop] != ord("0")).any(axis=1)
    return whole, broken


def _powers(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with a power of ten, one by one: files have few of them."""
    counts, broken = np.zeros(len(codes), dtype=np.int64), np.zeros(len(codes), dtype=np.bool_)
    for row, signs in enumerate(codes.tolist()):
        value = abs(Decimal("".join(map(chr, filter(None, signs)))))
        if value >= _BEYOND:
            counts[row] = _BEYOND
            continue
        counts[row] = int(value)
        broken[row] = value != counts[row].item()
    return counts, broken


def is_ahead(column: TimeColumn, ahead: int) -> bool:
    """Whether its count begins later than now, so that no row of it is over.

    Args:
        ahead: seconds that a clock may be ahead.
    """
    return column.counted and milliseconds(column.zero) > (time.time() + ahead) * 1000


def require_past(column: TimeColumn, ahead: int) -> None:
    """Refuse a count that begins later than now.

    Raises:
        InputRefused: it does; see `is_ahead`.
    """
    if is_ahead(column, ahead):
        raise InputRefused(
            f"{column.column!r} counts from {column.zero:%Y-%m-%d %H:%M UTC}, which is still to "
            "come; give the start of what is in the file.",
            code="start_ahead",
        )
