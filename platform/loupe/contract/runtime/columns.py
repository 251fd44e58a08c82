"""Tables as named one-dimensional arrays: what flows through apps whose results are columns.

A row schema is a pydantic class of scalar fields. Its rows travel as one array per field, all of
one length: ``int`` → int64, ``float`` → float64, ``bool`` → bool, ``str`` → fixed-width unicode.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

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


def dtypes(schema: type[BaseModel]) -> dict[str, np.dtype]:
    """The array type of each field of a row schema.

    Raises:
        TypeError: a field is not int, float, bool or str.
    """
    found: dict[str, np.dtype] = {}
    for name, field in schema.model_fields.items():
        if field.annotation not in DTYPES:
            raise TypeError(
                f"{schema.__name__}.{name} is {field.annotation!r}: a row schema has only "
                "int, float, bool and str fields."
            )
        found[name] = DTYPES[field.annotation]
    return found


def from_rows(rows: Sequence[BaseModel], schema: type[BaseModel]) -> dict[str, np.ndarray]:
    """Turn validated rows into columns."""
    return {
        name: np.array([getattr(row, name) for row in rows], dtype=dtype)
        for name, dtype in dtypes(schema).items()
    }


def row_count(columns: Columns) -> int:
    """The length every column has.

    Raises:
        InputRefused: they differ, or there is none.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise InputRefused(f"Columns differ in length: {lengths}.", code="ragged_columns")
    return next(iter(lengths.values()))
