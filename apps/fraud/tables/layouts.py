"""Texts grouped by how they are laid out, so that each layout is understood once.

The layout of a text has ``d`` for every digit: of ``12.50`` it is ``dd.dd``. A file has a handful
of layouts of times and of amounts; a regular expression reads a layout, and the digits of all its
rows are added up as columns of numbers.
"""

import secrets
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from apps.fraud.tables.raw import matrix

_DIGIT = ord("d")
_WIDEST = 64
"""Characters of a number or a time that are looked at; a longer one is neither."""
_FACTORS = np.array([secrets.randbits(64) | 1 for _ in range(4096)], dtype=np.uint64)
"""Of a hash nobody outside can aim at."""


def hashed_rows(codes: np.ndarray) -> np.ndarray:
    """A uint64 of each row of code points; different in every process."""
    width = codes.shape[1]
    factors = np.resize(_FACTORS, width)
    with np.errstate(over="ignore"):
        sums = codes.astype(np.uint64) @ factors
        mixed: np.ndarray = (sums ^ (sums >> np.uint64(32))) * _FACTORS[-1]
    return mixed


def groups(words: np.ndarray, rows: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The layouts of ``words[rows]``: each with its rows' indices and their code points."""
    whole = matrix(words)
    codes = whole[rows, :_WIDEST]
    if not len(rows):
        return
    layout = np.where((codes >= 48) & (codes <= 57), np.uint32(_DIGIT), codes)
    # A letter d of the text itself is no digit.
    layout[codes == _DIGIT] = ord("?")
    if whole.shape[1] > _WIDEST:
        layout[whole[rows, _WIDEST] != 0, 0] = ord("?")
    if (layout == layout[0]).all():
        yield _text(layout[0]), rows, codes
        return
    _, firsts, which = np.unique(hashed_rows(layout), return_index=True, return_inverse=True)
    order = np.argsort(which, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
        first = layout[firsts[which[part[0]]]]
        same = part[(layout[part] == first).all(axis=1)]
        yield _text(first), rows[same], codes[same]


def number(codes: np.ndarray, start: int, stop: int) -> np.ndarray:
    """int64 of the digits from `start` to `stop` (at most 19, modulo 2^64) of every row."""
    digits = codes[:, start:stop].astype(np.int64) - 48
    found: np.ndarray = digits @ _powers(stop - start)
    return found


@lru_cache(maxsize=128)
def _powers(digits: int) -> np.ndarray:
    """What the digits of a number count, from the first to the last."""
    powers: np.ndarray = 10 ** np.arange(digits - 1, -1, -1, dtype=np.int64)
    return powers


def _text(layout: np.ndarray) -> str:
    return "".join(map(chr, layout[layout != 0].tolist()))
