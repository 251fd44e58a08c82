"""The columns of a batch, checked: types, ranges, labels."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import UNKNOWN
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused

Array = NDArray[np.int64]
LATEST: Final = 2**52
"""Milliseconds: times lie within ± this."""


def column(events: Columns, name: str) -> NDArray[Any]:
    """One column.

    Raises:
        InputRefused: it is missing.
    """
    if name not in events:
        raise InputRefused(
            f"The batch has no column {name!r}; give every column of the scheme.",
            code="missing_column",
        )
    found: NDArray[Any] = events[name]
    return found


def integers(events: Columns, name: str, limit: int) -> Array:
    """One column as int64 [n] within ±limit.

    Raises:
        InputRefused: it is missing, not of integers, or out of range.
    """
    found: NDArray[Any] = np.asarray(column(events, name))
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise InputRefused(
            f"Column {name!r} is {found.dtype} in {found.ndim} dimensions; give one dimension of "
            "integers.",
            code="not_integers",
        )
    if len(found) and (int(found.max()) > limit or int(found.min()) < -limit):
        row = int(np.argmax((found > limit) | (found < -limit)))
        raise InputRefused(
            f"{name} is {int(found[row])} in row {row}; give values within ±{limit}.",
            code="out_of_range",
        )
    return np.array(found, np.int64)


def numbers(events: Columns, name: str) -> NDArray[np.float64]:
    """One column as float64 [n]; NaN where there is nothing.

    Raises:
        InputRefused: it is missing or not of numbers.
    """
    found: NDArray[Any] = np.asarray(column(events, name))
    if found.ndim != 1 or found.dtype.kind not in "iuf":
        raise InputRefused(
            f"Column {name!r} is {found.dtype} in {found.ndim} dimensions; give one dimension of "
            "numbers.",
            code="not_numbers",
        )
    return found.astype(np.float64)


def labels(events: Columns, count: int) -> tuple[NDArray[np.int8], Array]:
    """[n] labels and when each is known, −1 for none; both columns may be missing."""
    if "label" not in events:
        return np.full(count, UNKNOWN, np.int8), np.full(count, -1, np.int64)
    found = integers(events, "label", 1)
    known = np.full(count, -1, np.int64)
    if "label_known_at" in events:
        known = integers(events, "label_known_at", LATEST)
    return found.astype(np.int8), known
