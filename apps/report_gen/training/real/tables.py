"""The CSV files of a folder, joined by the volume's name; what cannot be used is listed."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from apps.report_gen.findings import KEYS
from apps.report_gen.training.real.mapping import Columns

LARGEST_CSV: Final = 1 << 30
LONGEST_CELL: Final = 1 << 20
MOST_ROWS: Final = 2_000_000
YES: Final = frozenset({"1", "1.0", "true", "yes"})
NO: Final = frozenset({"0", "0.0", "false", "no"})


@dataclass(frozen=True, order=True)
class Problem:
    """Why something was left out: the file, its line (0: the file as a whole), the reason."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.reason}" if self.line else (
            f"{self.file}: {self.reason}"
        )  # fmt: skip


@dataclass(kw_only=True)
class Row:
    """What the tables say of one volume; a label that no table has is not in `labels`."""

    name: str
    file: str
    line: int
    patient: str = ""
    clinical: str = ""
    findings: str = ""
    impression: str = ""
    labels: dict[str, bool] = field(default_factory=dict)


def read_tables(folder: Path, columns: Columns) -> tuple[dict[str, Row], list[Problem]]:
    """Rows by volume from every CSV in `folder` and below, and what was wrong."""
    files = sorted(folder.rglob("*.csv"))
    return read_files([(str(path.relative_to(folder)), path) for path in files], columns)


def read_files(
    files: Sequence[tuple[str, Path]], columns: Columns
) -> tuple[dict[str, Row], list[Problem]]:
    """The same of CSV files and how they are called."""
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    for name, path in files:
        for line, cells, problem in _lines(path, name, columns):
            if problem is not None:
                problems.append(problem)
                continue
            wrong = _join(rows, cells, columns, name, line)
            problems += [Problem(name, line, each) for each in wrong]
            if len(rows) > MOST_ROWS:
                problems.append(Problem(name, line, f"more than {MOST_ROWS} rows; the rest waits"))
                return rows, problems
    return rows, problems


def _lines(
    path: Path, name: str, columns: Columns
) -> Iterator[tuple[int, dict[str, str], Problem | None]]:
    if path.stat().st_size > LARGEST_CSV:
        yield 0, {}, Problem(name, 0, f"larger than {LARGEST_CSV >> 20} MB")
        return
    csv.field_size_limit(LONGEST_CELL)
    reader = None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            if columns.volume not in (reader.fieldnames or ()):
                yield 0, {}, Problem(name, 0, f"no column {columns.volume!r}; map another name")
                return
            for cells in reader:
                if None in cells or None in cells.values():
                    reason = "another number of cells than the head has columns"
                    yield reader.line_num, {}, Problem(name, reader.line_num, reason)
                    continue
                yield reader.line_num, cells, None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        line = reader.line_num if reader is not None else 0
        yield line, {}, Problem(name, line, f"cannot be read from here on: {error}")


def _join(
    rows: dict[str, Row], cells: dict[str, str], columns: Columns, file: str, line: int
) -> list[str]:
    """Take one line up; what is wrong with it."""
    volume = cells[columns.volume].strip()
    if not volume or "/" in volume or "\\" in volume or volume.startswith("."):
        return [f"{columns.volume} is {volume[:80]!r}; the name of a file is needed"]
    row = rows.setdefault(volume, Row(name=volume, file=file, line=line))
    wrong = []
    for part in ("patient", "clinical", "findings", "impression"):
        said = cells.get(getattr(columns, part), "").strip()
        before = getattr(row, part)
        if said and before and said != before:
            wrong.append(f"{getattr(columns, part)} of {volume} was another one before; kept that")
        elif said:
            setattr(row, part, said)
    for key in KEYS:
        told = cells.get(columns.label(key), "").strip().lower()
        if not told:
            continue
        if told not in YES | NO:
            wrong.append(f"{columns.label(key)} is {told[:40]!r}; 1 or 0 is needed")
        elif row.labels.setdefault(key, told in YES) is not (told in YES):
            wrong.append(f"{columns.label(key)} of {volume} was another one before; kept that")
    return wrong
