"""The first rows of a file as columns, for guessing what they mean."""

from pathlib import Path

import numpy as np

from apps.fraud.tables import arrow_ipc, delimited, json_lines, parquet, text_index
from apps.fraud.tables.arrow_columns import flat_names
from apps.fraud.tables.delimited import Dialect
from apps.fraud.tables.formats import BOM, Format
from apps.fraud.tables.raw import Table

ROWS = 2_000
_BYTES = 4 * 2**20


def sample(path: Path, form: Format, dialect: Dialect) -> tuple[tuple[str, ...], Table]:
    """The names of all columns and the first `ROWS` rows; columns of nested types are left out.

    Raises:
        InputRefused: the file cannot be read.
    """
    match form:
        case Format.CSV:
            header = delimited.header_of(path, dialect)
            data = _head(path, header.start, header.line, quoted=True)
            table = delimited.read(data, header.line, header.names, header.names, dialect, 20)
            return header.names, _first(table)
        case Format.LINES:
            names = json_lines.keys_of(path, ROWS)
            start = len(BOM) if _starts_with_bom(path) else 0
            data = _head(path, start, 1, quoted=False)
            return names, _first(json_lines.read(data, 1, names, dialect.encoding, 20))
        case Format.PARQUET:
            file = parquet.opened(path)
            names = flat_names(file.schema_arrow)
            parquet.check(file, names)
            rows = [min(ROWS, count) for count in parquet.groups(file)]
            group = next((number for number, count in enumerate(rows) if count), None)
            if group is None:
                return names, Table({}, np.empty(0, dtype=np.int64))
            return names, parquet.read(path, group, 0, rows[group], names, 1)
        case Format.ARROW_FILE | Format.ARROW_STREAM:
            names = flat_names(arrow_ipc.schema_of(path, form))
            place = next(arrow_ipc.places(path, form), None)
            if place is None:
                return names, Table({}, np.empty(0, dtype=np.int64))
            return names, _first(arrow_ipc.read(path, form, place, names))


def _first(table: Table) -> Table:
    if len(table) <= ROWS:
        return table
    rows = np.arange(ROWS)
    return Table({name: raw.taken(rows) for name, raw in table.columns.items()}, table.lines[:ROWS])


def _head(path: Path, start: int, line: int, *, quoted: bool) -> bytes:
    """Whole records from `start` on, of at most the first block."""
    span = next(text_index.spans(path, start, line, quoted=quoted, most=_BYTES), None)
    if span is None:
        return b""
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(min(span.stop - start, _BYTES))
    whole = data.rfind(b"\n") + 1
    return data if len(data) == span.stop - start or not whole else data[:whole]


def _starts_with_bom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(BOM)) == BOM
