"""CSV: the header, and the rows of a range of bytes as columns of text."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from apps.fraud.tables.arrow_columns import raw_of
from apps.fraud.tables.decoding import decoded
from apps.fraud.tables.formats import BOM
from apps.fraud.tables.limits import LONGEST_LINE, MOST_COLUMNS
from apps.fraud.tables.mapping import Delimiter, Encoding
from apps.fraud.tables.problems import Problem, Problems, shortened
from apps.fraud.tables.raw import Raw, Table, text_column
from apps.fraud.tables.text_index import record_lines
from loupe.contract.runtime.errors import InputRefused


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a CSV file is written."""

    encoding: Encoding = "utf-8"
    delimiter: Delimiter = ","
    header: bool = True


@dataclass(frozen=True, kw_only=True)
class Header:
    """The names of the columns, where the rows begin, and on which line."""

    names: tuple[str, ...]
    start: int
    line: int


def header_of(path: Path, dialect: Dialect) -> Header:
    """The first record of a file.

    Raises:
        InputRefused: there is none, or it is too long, of another encoding, or has too many
            columns.
    """
    with path.open("rb") as file:
        head = file.read(LONGEST_LINE + 4)
    skipped = len(BOM) if head.startswith(BOM) else 0
    stop = _first_record(head, skipped, dialect.delimiter)
    record = head[skipped:stop]
    try:
        text = record.decode(dialect.encoding)
    except UnicodeDecodeError as error:
        raise InputRefused(
            f"Line 1 is not written in {dialect.encoding}: byte {error.start + skipped}. Choose "
            "the file's encoding, or save it in UTF-8.",
            code="bad_encoding",
        ) from error
    if record.count(dialect.delimiter.encode()) >= MOST_COLUMNS:
        raise too_many_columns(record.count(dialect.delimiter.encode()) + 1)
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter), [])
    except csv.Error as error:
        raise InputRefused(
            f"Line 1 is no header of a table: {error}.", code="bad_header"
        ) from error
    if not dialect.header:
        names = tuple(f"column {number}" for number in range(1, len(cells) + 1))
        return Header(names=names, start=skipped, line=1)
    return Header(names=distinct(cells), start=stop, line=1 + record.count(b"\n"))


def _first_record(head: bytes, start: int, delimiter: str) -> int:
    """Behind the newline of the first record."""
    at = start
    while (at := head.find(b"\n", at)) >= 0:
        if head.count(b'"', start, at) % 2 == 0:
            return at + 1
        at += 1
    if len(head) > LONGEST_LINE:
        count = head.count(delimiter.encode())
        if count >= MOST_COLUMNS:
            raise InputRefused(
                f"Line 1 names {count:,} columns in its first {LONGEST_LINE // 2**20} MiB and goes "
                f"on; at most {MOST_COLUMNS:,} columns are taken. Leave out those that are not "
                "needed.",
                code="too_many_columns",
            )
        raise InputRefused(
            f"Line 1 is longer than {LONGEST_LINE // 2**20} MiB, which is no header of a table.",
            code="line_too_long",
        )
    return len(head)


def too_many_columns(count: int) -> InputRefused:
    """The refusal of a table that is too wide."""
    return InputRefused(
        f"The table has {count:,} columns; at most {MOST_COLUMNS:,} are taken. Leave out those "
        "that are not needed.",
        code="too_many_columns",
    )


def distinct(cells: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, each once and none empty."""
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        plain = cell.strip().strip("\ufeff").replace("\0", "")[:200] or f"column {number}"
        name, again = plain, 1
        while name in taken:
            again += 1
            name = f"{plain} ({again})"
        taken.add(name)
        names.append(name)
    return tuple(names)


def read(
    data: bytes,
    line: int,
    names: Sequence[str],
    wanted: Sequence[str],
    dialect: Dialect,
    most_listed: int,
) -> Table:
    """The rows of a range as columns of text; rows of another width are listed and left out.

    Args:
        data: whole records.
        line: the file's line that begins the range.
        names: of all columns. `wanted`: those that are read.
    """
    problems = Problems(most=most_listed)
    text = decoded(data, line, dialect.encoding, problems)
    if not text.data.strip():
        return Table({}, np.empty(0, dtype=np.int64), problems, problems.bad)
    lines = record_lines(text.data, text.physical, quoted=True)
    before = problems.bad
    try:
        table, odd = _parsed(text.data, names, wanted, dialect.delimiter)
    except pa.ArrowInvalid:
        return _one_by_one(text.data, lines, names, wanted, dialect, problems)
    if len(lines) != table.num_rows + len(odd):
        # A quotation mark within a field: what counts as a record is told row by row.
        return _one_by_one(text.data, lines, names, wanted, dialect, problems)
    bad = np.zeros(len(lines), dtype=np.bool_)
    for number, row in odd:
        bad[number] = True
        problems.add(_width(int(lines[number]), row))
    columns = {name: raw_of(table[name]) for name in wanted if name in table.column_names}
    return Table(columns, lines[~bad], problems, len(lines) + before)


def _parsed(
    data: bytes, names: Sequence[str], wanted: Sequence[str], delimiter: str
) -> tuple[pa.Table, list[tuple[int, str]]]:
    """All rows of the right width, and the others by their index and text."""
    odd: list[tuple[int, str]] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        odd.append((int(row.number or 0) - 1, str(row.text or "")[:200]))
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        read_options=arrow_csv.ReadOptions(
            use_threads=False, block_size=len(data) + 1, column_names=list(names)
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=[name for name in wanted if name in set(names)],
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )
    return table, odd


def _one_by_one(
    data: bytes,
    lines: np.ndarray,
    names: Sequence[str],
    wanted: Sequence[str],
    dialect: Dialect,
    problems: Problems,
) -> Table:
    """The slow and patient way, for ranges whose quotation marks are odd."""
    text = io.StringIO(data.decode().replace("\0", "\1"), newline="")
    reader = csv.reader(text, delimiter=dialect.delimiter)
    first = int(lines[0]) if len(lines) else 1
    kept: list[list[str]] = []
    numbers: list[int] = []
    read, at = problems.bad, first
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            row = [str(error)]
        if row is None:
            break
        read += bool(row)
        if len(row) == len(names):
            kept.append(row)
            numbers.append(at)
        elif row:
            problems.add(_width(at, dialect.delimiter.join(row)))
        at = first + reader.line_num
    columns: dict[str, Raw] = {}
    for name in wanted:
        if name in names:
            index = names.index(name)
            columns[name] = text_column([row[index] for row in kept])
    return Table(columns, np.array(numbers, dtype=np.int64), problems, read)


def _width(line: int, text: str) -> Problem:
    return Problem(line=line, field="", value=shortened(text), code="fields_missing")
