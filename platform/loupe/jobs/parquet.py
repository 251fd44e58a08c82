"""Columnar results as Parquet: the result's columns, then ``outcome``, ``score`` and ``label``.

The only module of the host that imports pyarrow; it is loaded by name where a block is at hand.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel

from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns, conformed, row_count
from loupe.contract.runtime.errors import InputRefused
from loupe.jobs import short_blocks

PARQUET = "application/vnd.apache.parquet"
DECIDED = ("outcome", "score", "label")
MAX_ROWS = 2**20
PREFIX = "decision."
"""Columns of the decision carry a prefix, so that a result may have a field called ``score``."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A file in memory and what is in it."""

    data: bytes
    rows: int
    outcomes: dict[str, int]
    media_type: str = PARQUET


def encode(
    schema: type[BaseModel],
    columns: Columns,
    decisions: DecisionColumns,
    *,
    quick: bool = False,
    conforming: bool = False,
) -> Encoded:
    """Write one block; where somebody waits for it, `quick` takes a tenth of the time and a sixth
    more room, and a few rows become a short block. `conforming` columns are those that `conformed`
    gave for `schema`.

    Raises:
        InputRefused: the columns differ in length, there are too many, or they have more rows than
            `MAX_ROWS`.
        KeyError: a scalar field of the schema has no column.
    """
    kept = columns if conforming else conformed(columns, schema)
    decided = {PREFIX + name: getattr(decisions, name) for name in DECIDED}
    rows = row_count({**kept, **decided})
    if rows > MAX_ROWS:
        raise InputRefused(
            f"The input has {rows:,} rows; at most {MAX_ROWS:,} fit one item. Send it in parts.",
            code="too_many_rows",
        )
    keys, counts = np.unique(decisions.outcome, return_counts=True)
    outcomes = {str(key): int(count) for key, count in zip(keys, counts, strict=True)}
    if quick and rows <= short_blocks.FEW_ROWS:
        data = short_blocks.encoded({**kept, **decided})
        return Encoded(data=data, rows=rows, outcomes=outcomes, media_type=short_blocks.MEDIA_TYPE)
    table = pa.table({name: pa.array(column) for name, column in {**kept, **decided}.items()})
    sink = io.BytesIO()
    # Dictionaries and statistics cost more time than all else and save nothing: blocks are short
    # and read whole.
    pq.write_table(
        table,
        sink,
        compression="lz4" if quick else "zstd",
        use_dictionary=False,
        write_statistics=False,
    )
    return Encoded(data=sink.getvalue(), rows=rows, outcomes=outcomes)


def table_of(path: Path, names: Sequence[str] | None = None) -> pa.Table:
    """A stored block, as Parquet or short; of the named columns those that are there."""
    with path.open("rb") as file:
        short = short_blocks.is_short(file.read(len(short_blocks.MAGIC)))
    if short:
        told = short_blocks.decoded(path.read_bytes())
        kept = list(told) if names is None else [name for name in names if name in told]
        return pa.table({name: pa.array(told[name]) for name in kept})
    if names is None:
        return pq.read_table(path)
    parquet = pq.ParquetFile(path)
    return parquet.read(columns=[name for name in names if name in parquet.schema_arrow.names])


def rows(
    path: Path, *, outcome: str = "", label: str = "", before: int | None = None, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """At most `limit` matching rows as ``(index, values)``, the last first, below `before`."""
    table = table_of(path)
    keep = np.ones(table.num_rows, dtype=bool)
    for name, wanted in (("outcome", outcome), ("label", label)):
        if wanted:
            keep &= table[PREFIX + name].to_numpy() == wanted
    if before is not None:
        keep[before:] = False
    chosen = np.flatnonzero(keep)[::-1][:limit]
    taken = table.take(pa.array(chosen)).to_pylist()
    return [(int(index), values) for index, values in zip(chosen, taken, strict=True)]


def rows_where(path: Path, column: str, value: str, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """At most `limit` rows as ``(index, values)`` whose `column` is `value`, the last first; none
    where there is no such column."""
    table = table_of(path)
    if column not in table.column_names:
        return []
    chosen = np.flatnonzero(pc.equal(table[column], value).to_numpy())[::-1][:limit]
    taken = table.take(pa.array(chosen)).to_pylist()
    return [(int(index), values) for index, values in zip(chosen, taken, strict=True)]


def columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of the named columns that are there, as arrays; text is fixed-width unicode."""
    table = table_of(path, names)
    found = {}
    for name in table.column_names:
        array = table[name].to_numpy()
        found[name] = array.astype(np.str_) if array.dtype == object else array
    return found
