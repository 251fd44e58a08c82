"""Where the records of a text file begin and end: one streaming look, newlines in quotes respected.

Files are read in blocks of 4 MiB, so memory does not grow with the file. In CSV a newline ends a
record when the number of quotation marks before it is even.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apps.fraud.tables.limits import LONGEST_LINE, RANGE_BYTES
from apps.fraud.tables.raw import MOST_ROWS
from loupe.contract.runtime.errors import InputRefused

BLOCK = 4 * 2**20
_NEWLINE, _QUOTE = 10, 34


@dataclass(frozen=True, kw_only=True)
class Span:
    """Records from byte `start` to `stop`; `line` is the file's line of the first, from 1, and
    `next_line` that of the one behind the last."""

    start: int
    stop: int
    line: int
    next_line: int
    rows: int


@dataclass(frozen=True)
class _Ends:
    """Records that ended in a block: bytes behind each, and the lines that begin there."""

    stops: np.ndarray
    lines: np.ndarray


def spans(path: Path, start: int, line: int, *, quoted: bool, most: int) -> Iterator[Span]:
    """Ranges of at most `MOST_ROWS` records and about `RANGE_BYTES` bytes, from `start` on.

    Args:
        line: the file's line that begins at `start`.
        quoted: whether newlines may stand in quotation marks (CSV).
        most: bytes to look at; what is left is for another call.

    Raises:
        InputRefused: a record is longer than `LONGEST_LINE`.
    """
    rows, begun, at_line = 0, start, line
    for ends in _ends(path, start, line, quoted=quoted, most=most):
        taken = 0
        while taken < len(ends.stops):
            fitting = int(np.searchsorted(ends.stops, begun + RANGE_BYTES, "right")) - taken
            take = min(MOST_ROWS - rows, len(ends.stops) - taken, max(fitting, 1))
            rows, taken = rows + take, taken + take
            if rows < MOST_ROWS and taken == len(ends.stops):
                break
            stop, behind = int(ends.stops[taken - 1]), int(ends.lines[taken - 1])
            yield Span(start=begun, stop=stop, line=at_line, next_line=behind, rows=rows)
            rows, begun, at_line = 0, stop, behind
        last = ends
    if rows:
        stop, behind = int(last.stops[-1]), int(last.lines[-1])
        yield Span(start=begun, stop=stop, line=at_line, next_line=behind, rows=rows)


def record_lines(data: bytes, physical: np.ndarray, *, quoted: bool) -> np.ndarray:
    """The line of each record of `data` that is not blank; `physical` numbers its lines."""
    block = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(block == _NEWLINE)
    ending = newlines[_outside(block, newlines, 0)[0]] if quoted else newlines
    stops = (
        np.append(ending, len(block))
        if not len(ending) or ending[-1] + 1 < len(block)
        else (ending)
    )
    starts = np.concatenate([[0], stops[:-1] + 1]) if len(stops) else stops
    returns = (stops - starts == 1) & (block[np.minimum(starts, len(block) - 1)] == 13)
    filled = (stops > starts) & ~returns
    which = np.searchsorted(newlines, starts[filled])
    found: np.ndarray = physical[np.minimum(which, len(physical) - 1)]
    return found


def _ends(path: Path, start: int, line: int, *, quoted: bool, most: int) -> Iterator[_Ends]:
    odd, last, seen = 0, start, line
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(start)
        at = start
        # A block behind the limit is read while a record is open.
        while data := file.read(BLOCK):
            block = np.frombuffer(data, dtype=np.uint8)
            newlines = np.flatnonzero(block == _NEWLINE)
            outside, odd = _outside(block, newlines, odd) if quoted else (slice(None), 0)
            numbers = seen + 1 + np.arange(len(newlines))
            stops, lines = newlines[outside] + at + 1, numbers[outside]
            seen += len(newlines)
            at += len(data)
            if at >= size and (not len(stops) or stops[-1] < at) and at > last:
                stops, lines = np.append(stops, at), np.append(lines, seen + 1)
            _check_lengths(stops, lines, last, at, line)
            if len(stops):
                last, line = int(stops[-1]), int(lines[-1])
                yield _Ends(stops, lines)
            if at - start >= most and last > start:
                return


def _outside(block: np.ndarray, newlines: np.ndarray, odd: int) -> tuple[np.ndarray, int]:
    """Which newlines are outside of quotation marks, and whether the block ends within them."""
    quotes = np.flatnonzero(block == _QUOTE)
    before = np.searchsorted(quotes, newlines) + odd
    outside: np.ndarray = before % 2 == 0
    return outside, (odd + len(quotes)) % 2


def _check_lengths(stops: np.ndarray, lines: np.ndarray, last: int, at: int, line: int) -> None:
    lengths = np.diff(np.concatenate([[last], stops])) if len(stops) else stops
    long = np.flatnonzero(lengths > LONGEST_LINE)
    if len(long):
        line = line if long[0] == 0 else int(lines[long[0] - 1])
    elif at - (int(stops[-1]) if len(stops) else last) > LONGEST_LINE:
        line = int(lines[-1]) if len(stops) else line
    else:
        return
    raise InputRefused(
        f"Line {line} begins a record of more than {LONGEST_LINE // 2**20} MiB, which is no "
        "transaction. Look there for a quotation mark that is not closed, or for thousands of "
        "fields that are not needed.",
        code="line_too_long",
    )
