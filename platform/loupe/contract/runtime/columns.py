"""Tables as named one-dimensional arrays: what flows through apps whose results are columns.

A row schema is a pydantic class of scalar fields and of dictionaries by name. Its rows travel as
one array per scalar field, all of one length: ``int`` → int64, ``float`` → float64, ``bool`` →
bool, ``str`` → fixed-width unicode. A field ``features: dict[str, float]`` is spread over one array
per key, called ``features.<key>``; floats of a dictionary may be float32 and stay it.

A row that lacks a key has NaN or the empty text there, and a row read back from columns lacks every
key whose value is NaN or empty. Whole numbers and truth values have nothing that says "not there":
of ``dict[str, int]`` and ``dict[str, bool]`` every row has every key. A ``float`` field of its own
has nothing either: every row has a finite number there.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias, get_args, get_origin

import numpy as np
from pydantic import BaseModel

from loupe.contract.runtime.errors import InputRefused

Columns: TypeAlias = Mapping[str, np.ndarray]
DTYPES: dict[type, np.dtype] = {
    int: np.dtype(np.int64),
    float: np.dtype(np.float64),
    bool: np.dtype(np.bool_),
    str: np.dtype(np.str_),
}
MOST_COLUMNS = 2048
"""More columns than this are refused: keys of dictionaries may come from a sender."""
_FEW_ROWS = 8
MISSING: dict[type, object] = {float: float("nan"), str: ""}


def scalar(annotation: object) -> type | None:
    """The scalar type of a field: itself, or that of all values of a ``Literal``; None: no such."""
    if get_origin(annotation) is Literal:
        kinds = {type(value) for value in get_args(annotation)}
        annotation = kinds.pop() if len(kinds) == 1 else None
    return annotation if isinstance(annotation, type) and annotation in DTYPES else None


def dictionaries(schema: type[BaseModel]) -> dict[str, type]:
    """The fields that are dictionaries from text to a scalar, with the type of their values."""
    found = {}
    for name, field in schema.model_fields.items():
        if get_origin(field.annotation) is dict:
            key, value = get_args(field.annotation)
            kind = scalar(value)
            if key is str and kind is not None:
                found[name] = kind
    return found


def dtypes(schema: type[BaseModel]) -> dict[str, np.dtype]:
    """The array type of each field of a row schema; of a dictionary that of its values.

    Raises:
        TypeError: a field is neither a scalar nor a dictionary of scalars by name, or is called
            ``decision``, as the decisions beside it are.
    """
    spread_over = dictionaries(schema)
    found: dict[str, np.dtype] = {}
    for name, field in schema.model_fields.items():
        kind = spread_over.get(name) or scalar(field.annotation)
        if kind is None:
            raise TypeError(
                f"{schema.__name__}.{name} is {field.annotation!r}: a row schema has only "
                "int, float, bool and str fields and dictionaries of them by str."
            )
        if name == "decision":
            raise TypeError(f"{schema.__name__}.decision: call it otherwise, the host uses it.")
        found[name] = DTYPES[kind]
    return found


def spread(columns: Columns, field: str) -> dict[str, np.ndarray]:
    """The arrays of a dictionary field by key."""
    start = f"{field}."
    return {
        name[len(start) :]: column for name, column in columns.items() if name.startswith(start)
    }


@lru_cache(maxsize=64)
def _shape(schema: type[BaseModel]) -> tuple[dict[str, np.dtype], frozenset[str]]:
    """`dtypes` and the names of the dictionaries; not to be changed."""
    return dtypes(schema), frozenset(dictionaries(schema))


def from_rows(rows: Sequence[BaseModel], schema: type[BaseModel]) -> dict[str, np.ndarray]:
    """Turn validated rows into columns; keys of dictionaries in alphabetical order.

    Raises:
        InputRefused: together the rows have more than `MOST_COLUMNS` keys, or one of them lacks a
            key of whole numbers or truth values.
    """
    spread_over = dictionaries(schema)
    found: dict[str, np.ndarray] = {}
    for name, dtype in dtypes(schema).items():
        values = [getattr(row, name) for row in rows]
        if name not in spread_over:
            found[name] = np.array(values, dtype=dtype)
            continue
        keys = sorted({key for value in values for key in value})
        _check_room(name, len(keys) + len(found))
        missing = MISSING.get(spread_over[name])
        for key in keys:
            if missing is None:
                _check_whole(name, key, values)
            found[f"{name}.{key}"] = np.array(
                [value.get(key, missing) for value in values], dtype=dtype
            )
    return found


def to_rows(columns: Columns, schema: type[BaseModel]) -> list[dict[str, Any]]:
    """The rows of `columns` as plain values by field, ready for ``schema(**row)``."""
    _, spread_over = _shape(schema)
    names, lists = [], []
    for name in schema.model_fields:
        if name in spread_over:
            names.append(name)
            lists.append(_dictionaries_of(spread(columns, name), row_count(columns)))
        elif name in columns:
            names.append(name)
            lists.append(columns[name].tolist())
    return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]


def nested(values: Mapping[str, Any], schema: type[BaseModel]) -> dict[str, Any]:
    """One flat row, by names of columns, as `to_rows` has it."""
    spread_over = dictionaries(schema)
    found: dict[str, Any] = {
        name: {} if name in spread_over else values[name]
        for name in schema.model_fields
        if name in spread_over or name in values
    }
    for name, value in values.items():
        field, dot, key = name.partition(".")
        if dot and field in spread_over and value is not None and value == value and value != "":
            found[field][key] = value
    return found


def conformed(columns: Columns, schema: type[BaseModel]) -> dict[str, np.ndarray]:
    """The columns of `schema` alone, of its types; float32 of a dictionary stays float32.

    Raises:
        KeyError: a scalar field has no column.
        InputRefused: there are more than `MOST_COLUMNS`, they differ in length, or a field of its
            own has a value that is no finite number.
    """
    kinds, spread_over = _shape(schema)
    keyed: dict[str, dict[str, np.ndarray]] = {name: {} for name in spread_over}
    for name, column in columns.items():
        field, dot, _ = name.partition(".")
        if dot and field in keyed:
            array, dtype = np.asarray(column), kinds[field]
            narrow = array.dtype == np.float32 and dtype == np.float64
            keyed[field][name] = array if narrow else array.astype(dtype, copy=False)
    found: dict[str, np.ndarray] = {}
    for name, dtype in kinds.items():
        if name in keyed:
            found |= keyed[name]
        else:
            found[name] = np.asarray(columns[name]).astype(dtype, copy=False)
            if dtype.kind == "f":
                _check_finite(name, found[name])
    _check_room(schema.__name__, len(found))
    row_count(found)
    return found


def row_count(columns: Columns) -> int:
    """The length every column has.

    Raises:
        InputRefused: they differ, or there is none.
    """
    lengths = set(map(len, columns.values()))
    if len(lengths) != 1:
        told = {name: len(columns[name]) for name in list(columns)[:20]}
        raise InputRefused(f"Columns differ in length: {told}.", code="ragged_columns")
    return lengths.pop()


def _dictionaries_of(arrays: Mapping[str, np.ndarray], count: int) -> list[dict[str, Any]]:
    """One dictionary a row, without what is missing."""
    if count <= _FEW_ROWS:
        return _few_dictionaries_of(arrays, count)
    there = {key: _there(array) for key, array in arrays.items()}
    whole = [key for key, mask in there.items() if mask is None]
    rows: list[dict[str, Any]] = (
        [
            dict(zip(whole, values, strict=True))
            for values in zip(*(arrays[key].tolist() for key in whole), strict=True)
        ]
        if whole
        else [{} for _ in range(count)]
    )
    for key, mask in there.items():
        if mask is not None:
            values = arrays[key].tolist()
            for row in np.flatnonzero(mask).tolist():
                rows[row][key] = values[row]
    return rows


def _few_dictionaries_of(arrays: Mapping[str, np.ndarray], count: int) -> list[dict[str, Any]]:
    """The same for a few rows, value by value: that is less than a call of numpy or two."""
    rows: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, array in arrays.items():
        missing = array.dtype.kind in "fU"
        for row, value in zip(rows, array.tolist(), strict=True):
            if not missing or (value == value and value != ""):
                row[key] = value
    return rows


def _there(array: np.ndarray) -> np.ndarray | None:
    """Which rows have a value; None: all of them."""
    if array.dtype.kind == "f":
        mask = ~np.isnan(array)
    elif array.dtype.kind == "U":
        mask = array != ""
    else:
        return None
    return None if mask.all() else mask


def _check_room(what: str, count: int) -> None:
    if count > MOST_COLUMNS:
        raise InputRefused(
            f"{what} would take {count:,} columns; at most {MOST_COLUMNS:,} are kept. Send fewer "
            "keys.",
            code="too_many_columns",
        )


def _check_finite(field: str, column: np.ndarray) -> None:
    finite = np.isfinite(column)
    if not finite.all():
        row = int(np.argmin(finite))
        raise InputRefused(
            f"{field} of row {row} is {column[row]}; a result needs a finite number there, so "
            "nothing of it was kept.",
            code="result_not_finite",
        )


def _check_whole(field: str, key: str, values: Iterable[Mapping[str, object]]) -> None:
    for number, value in enumerate(values):
        if key not in value:
            raise InputRefused(
                f"Row {number} lacks {field}.{key}, which others have: give every row a value.",
                code="missing_key",
            )
