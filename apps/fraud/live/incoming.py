"""What was sent, brought into the columns of the scheme: nothing missing, nothing that cannot be.

A request that is no batch at all is refused as a whole. One bad row is refused alone, with a code
in the column ``refused``, and the others go on:

    id_missing      no id
    text_too_long   an id or identifier of more than `LONGEST` code points
    amount_range    below 0 or above `LARGEST_AMOUNT`
    time_range      before 1970, after 2100, or (live) later than it could have been heard of
    not_finite      a number that is infinite
    duplicate_id    the id came within the horizon with another body
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import ATTRIBUTE, ENTITY, LARGEST_AMOUNT, fields
from apps.fraud.live.compiled import compiled
from apps.fraud.live.hashing import Hashes, Key, chained, code_points
from apps.fraud.live.limits import EARLIEST_MS, LATEST_MS, MAX_ROWS, TOLERATED_SKEW_MS
from apps.fraud.refusals import LONGEST
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import row_count
from loupe.contract.runtime.errors import InputRefused

"""Code points of an id, an identifier or a category."""
NEEDED = ("id", "event_time", "amount")
Array = NDArray[np.generic]
Words = NDArray[np.str_]


def normalised(
    arrays: Mapping[str, Array], scheme: Scheme, *, live: bool
) -> tuple[dict[str, Array], Words]:
    """Own copies of the scheme's columns, and for each row the code of its refusal or nothing.

    Columns that the scheme does not have are left out; missing ones stand empty.

    Raises:
        InputRefused: the batch has no id, time or amount, columns of several lengths, of more than
            `MAX_ROWS` rows or of a wrong type.
    """
    for name in NEEDED:
        if name not in arrays:
            raise InputRefused(
                f"The batch has no column {name!r}; send at least {', '.join(NEEDED)}.",
                code="missing_column",
            )
    wanted = fields(scheme)
    given = {name: np.asarray(arrays[name]) for name in wanted if name in arrays}
    if any(column.ndim != 1 for column in given.values()):
        raise InputRefused("Every column must have one dimension.", code="column_type")
    count = row_count(given)
    if count > MAX_ROWS:
        raise InputRefused(
            f"The batch has {count:,} rows; send at most {MAX_ROWS:,} at once.",
            code="too_many_rows",
        )
    refused = np.zeros(count, "U13")
    columns: dict[str, Array] = {}
    for name, kind in wanted.items():
        if name in given:
            columns[name] = _copied(name, given[name], kind, refused)
        else:
            columns[name] = _missing(name, kind, count, columns, scheme)
    _check(columns, refused, live=live)
    return columns, refused


def bodies(columns: Mapping[str, Array], key: Key) -> Hashes:
    """[n] 64 bits of what was sent: all but the id, when it arrived, labels and rates of exchange.

    An empty value adds nothing, so a body keeps its hash when the scheme gets another column.
    """
    total = np.zeros(len(columns["id"]), np.uint64)
    for name, column in columns.items():
        if name not in ("event_time", "amount_original", "currency") and not name.startswith(
            (ENTITY, ATTRIBUTE)
        ):
            continue
        start = _start(name, key)
        hashed = chained(np.full(len(column), start), column, key)
        if column.dtype.kind == "U":
            hashed[column == ""] = 0
        elif column.dtype.kind == "f":
            hashed[np.isnan(column)] = 0
        total += hashed
    return total


@lru_cache(maxsize=1024)
def _start(name: str, key: Key) -> np.uint64:
    """What the hash of a column's values begins with."""
    start: np.uint64 = chained(np.zeros(1, np.uint64), np.array([name]), key)[0]
    return start


def _copied(name: str, column: Array, kind: np.dtype, refused: Words) -> Array:
    if kind.kind == "U":
        if column.dtype.kind != "U":
            raise _wrong(name, column, "text")
        words = np.array(column)
        longest = _cleaned(code_points(words))
        if longest > LONGEST:
            refused[np.char.str_len(words.astype(np.str_)) > LONGEST] = "text_too_long"
        return words.astype(f"U{min(max(longest, 1), LONGEST)}", copy=False)
    if kind.kind == "f":
        if column.dtype.kind not in "fiu":
            raise _wrong(name, column, "numbers")
        numbers = np.array(column, np.float64)
        refused[np.isinf(numbers)] = "not_finite"
        return numbers
    if column.dtype.kind not in "iu":
        raise _wrong(name, column, "integers")
    if column.dtype.kind == "u" and len(column) and int(column.max()) >= 2**63:
        raise _wrong(name, column, "integers below 2**63")
    return np.array(column, np.int64)


def _wrong(name: str, column: Array, wanted: str) -> InputRefused:
    return InputRefused(
        f"Column {name!r} is of {column.dtype}; it must hold {wanted}.", code="column_type"
    )


def _missing(
    name: str, kind: np.dtype, count: int, columns: Mapping[str, Array], scheme: Scheme
) -> Array:
    if name == "known_at":
        return columns["event_time"].copy()
    if name == "amount_original":
        return columns["amount"].copy()
    if name == "currency":
        return np.full(count, scheme.currency)
    if kind.kind == "U":
        return np.zeros(count, "U1")
    if kind.kind == "f":
        return np.full(count, np.nan)
    return np.full(count, -1, np.int64)


def _check(columns: Mapping[str, Array], refused: Words, *, live: bool) -> None:
    amount, event = _whole(columns["amount"]), _whole(columns["event_time"])
    known = _whole(columns["known_at"])
    refused[(amount < 0) | (amount > LARGEST_AMOUNT)] = "amount_range"
    ahead = (event > known + TOLERATED_SKEW_MS) if live else np.zeros(len(event), np.bool_)
    outside = np.zeros(len(event), np.bool_)
    for times in (event, known):
        outside |= (times < EARLIEST_MS) | (times > LATEST_MS)
    refused[outside | ahead] = "time_range"
    refused[columns["id"] == ""] = "id_missing"
    labels, due = _whole(columns["label"]), _whole(columns["label_known_at"])
    # A label that is neither is none; one without its time is known with the transaction.
    none = (labels != 0) & (labels != 1)
    labels[none], due[none] = -1, -1
    undated = ~none & ((due < EARLIEST_MS) | (due > LATEST_MS))
    due[undated] = known[undated]


def _whole(column: Array) -> NDArray[np.int64]:
    return column.view(np.int64)


@compiled
def _cleaned(codes):  # type: ignore[no-untyped-def]
    """The length of the longest text; lone surrogates become U+FFFD, as in every file written."""
    longest = 0
    for n in range(codes.shape[0]):
        for at in range(codes.shape[1]):
            code = codes[n, at]
            if code != 0:
                longest = max(longest, at + 1)
                if 0xD800 <= code < 0xE000:
                    codes[n, at] = 0xFFFD
    return longest
