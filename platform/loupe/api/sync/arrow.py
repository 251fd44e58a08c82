"""Batches of rows as Arrow streams. Loaded by name where one comes or a block is read back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from loupe.api.errors import RequestRefused
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns
from loupe.jobs.parquet import DECIDED, PREFIX, table_of

METADATA = b"loupe"
"""The key of the schema's metadata that holds everything but the rows, as JSON."""


def rows_of(raw: bytes) -> list[dict[str, Any]]:
    """The rows of an Arrow IPC stream.

    Raises:
        RequestRefused: `raw` is no such stream.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(raw)) as reader:
            rows: list[dict[str, Any]] = reader.read_all().to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise RequestRefused(
            f"The body is not an Arrow IPC stream: {error}.", code="parse_error"
        ) from error
    return rows


def encoded(columns: Columns | None, decisions: DecisionColumns, facts: dict[str, Any]) -> bytes:
    """Result columns and decisions as one Arrow IPC stream, with `facts` as its metadata."""
    decided = {PREFIX + name: getattr(decisions, name) for name in DECIDED}
    table = pa.table(
        {name: pa.array(column) for name, column in {**(columns or {}), **decided}.items()}
    )
    table = table.replace_schema_metadata({METADATA: json.dumps(facts).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def read_block(path: Path) -> tuple[Columns, DecisionColumns]:
    """A stored block, as `loupe.jobs.parquet.encode` wrote it."""
    table = table_of(path)
    arrays = {name: _array(table[name]) for name in table.column_names}
    decisions = DecisionColumns(**{name: arrays.pop(PREFIX + name) for name in DECIDED})
    return arrays, decisions


def _array(column: Any) -> np.ndarray:
    """One column, text as fixed-width unicode and numbers as they were stored."""
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=np.str_)
    array: np.ndarray = column.to_numpy()
    return array
