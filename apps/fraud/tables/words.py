"""Identifiers and categories: texts that are kept as they came, if they may be kept at all."""

from dataclasses import dataclass

import numpy as np

from apps.fraud.tables.layouts import hashed_rows
from apps.fraud.tables.raw import Raw, matrix, words_of

LONGEST_IDENTIFIER = 128
LONGEST_ID = 200
"""Characters; the second of a transaction's own."""

_INVISIBLE = ((0x7F, 0x9F), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF))
_REPLACED = ((0xD800, 0xDFFF), (0xFFF9, 0xFFFD), (0xE0000, 0xE007F))


@dataclass(frozen=True)
class Words:
    """``<U`` values without the space around them (empty: missing), and masks of bad rows."""

    values: np.ndarray
    missing: np.ndarray
    long: np.ndarray
    control: np.ndarray


def read_words(raw: Raw, longest: int = LONGEST_IDENTIFIER) -> Words:
    """The texts of a column; numbers as people write them, ``596.0`` as ``596``."""
    values = raw.values
    if values.dtype.kind in "iu":
        return _plain(np.where(raw.missing, "", printed_integers(values)))
    if values.dtype.kind == "U" and raw.missing.all():
        return _plain(np.full(len(values), "", dtype="<U1"))
    if values.dtype.kind == "f":
        values = _whole_floats(values, raw.missing)
    elif values.dtype.kind == "M":
        values = np.datetime_as_string(values, unit="ms")
    elif values.dtype.kind == "b":
        values = np.where(values, "true", "false")
    values = _trimmed(values)
    if raw.missing.any():
        values = np.where(raw.missing, "", values)
    codes = matrix(values)
    control = np.zeros(len(values), dtype=np.bool_)
    long = np.zeros(len(values), dtype=np.bool_) if raw.long is None else raw.long.copy()
    if codes.size:
        if codes.max() >= 0x7F or _has_controls(codes):
            control = _controls(codes)
        if codes.shape[1] > longest:
            long |= codes[:, longest] != 0
            values = values.astype(f"<U{longest}")
    return Words(values, values == "", long, control)


def printed_integers(values: np.ndarray) -> np.ndarray:
    """int64 as decimal ``<U`` words.

    Each number is moved to the left by its missing digits, so that the columns of digits begin
    together.
    """
    if not len(values) or values.min() < 0 or values.max() >= 10**18:
        return values.astype(np.str_)
    width = len(str(int(values.max())))
    powers = 10 ** np.arange(width, dtype=np.int64)
    sizes = np.maximum(np.searchsorted(powers, values, side="right"), 1)
    moved = values * powers[width - sizes]
    codes = np.empty((len(values), width), dtype=np.uint32)
    for column in range(width):
        digit, moved = np.divmod(moved, powers[width - 1 - column])
        codes[:, column] = np.where(column < sizes, digit + 48, 0)
    return codes.view(f"<U{width}").reshape(len(values))


def distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values of a column, and which of them each row has."""
    if len(values) and (values == values[0]).all():
        return values[:1], np.zeros(len(values), dtype=np.int64)
    if values.dtype.kind != "U" or not len(values):
        found, which = np.unique(values, return_inverse=True)
        return found, which
    _, firsts, which = np.unique(
        hashed_rows(matrix(values)), return_index=True, return_inverse=True
    )
    found = values[firsts]
    return (
        (found, which) if (found[which] == values).all() else np.unique(values, return_inverse=True)
    )


def _plain(values: np.ndarray) -> Words:
    """Words that need no look."""
    fine = np.zeros(len(values), dtype=np.bool_)
    return Words(values, values == "", fine, fine)


def _trimmed(values: np.ndarray) -> np.ndarray:
    if not len(values):
        return values.astype("<U1")
    stripped: np.ndarray = np.strings.strip(values)
    return stripped


def _whole_floats(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Identifiers that a table program turned into floats: without the ``.0``."""
    there = np.where(missing | ~np.isfinite(values), 0.0, values)
    if (there == np.rint(there)).all() and (np.abs(there) < 2**53).all():
        whole = there.astype(np.int64).astype(np.str_)
        odd = ~missing & ~np.isfinite(values)
        return np.where(odd, values.astype(np.str_), whole) if odd.any() else whole
    words, _ = words_of([repr(value).removesuffix(".0") for value in values.tolist()])
    return words


def _has_controls(codes: np.ndarray) -> bool:
    return bool(((codes < 32) & (codes != 0)).any())


def _controls(codes: np.ndarray) -> np.ndarray:
    """Rows with control characters, marks of direction, joiners, or halves of characters."""
    bad = (codes < 32) & (codes != 0)
    for first, last in (*_INVISIBLE, *_REPLACED):
        bad |= (codes >= first) & (codes <= last)
    found: np.ndarray = bad.any(axis=1)
    return found
