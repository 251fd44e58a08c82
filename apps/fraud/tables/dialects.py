"""How a CSV file is written: encoding, delimiter, whether its first line names the columns."""

import csv
import re
from pathlib import Path

from apps.fraud.tables.delimited import Dialect
from apps.fraud.tables.formats import BOM
from apps.fraud.tables.limits import LONGEST_LINE
from apps.fraud.tables.mapping import Delimiter, Encoding

_HEAD = LONGEST_LINE
_LINES = 50
DELIMITERS: tuple[Delimiter, ...] = (",", ";", "\t", "|")
_VALUE = re.compile(r"[+-]?[\d.,:/\- TZ+]*\d[\d.,:/\- TZ+]*")


def dialect_of(path: Path) -> tuple[Dialect, bool]:
    """The dialect, and whether its encoding is certain."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    head = head.removeprefix(BOM)
    encoding, certain = _encoding(head)
    text = head.decode(encoding, "replace")
    lines = text.splitlines()
    lines = [line[:10_000] for line in (lines if len(head) < _HEAD else lines[:-1]) if line.strip()]
    lines = lines[:_LINES]
    delimiter = max(DELIMITERS, key=lambda sign: _fit(lines, sign))
    return Dialect(
        encoding=encoding, delimiter=delimiter, header=_header(lines, delimiter)
    ), certain


def _encoding(head: bytes) -> tuple[Encoding, bool]:
    """The encoding; sure of UTF-8, a guess for everything else."""
    # The last character may be cut in two.
    for cut in range(4):
        try:
            head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return "utf-8", True
    chinese = head.decode("gb18030", "replace")
    han = sum("\u4e00" <= char <= "\u9fff" for char in chinese)
    odd = chinese.count("\ufffd")
    return ("gb18030", False) if han > 4 * odd and han > 1 else ("cp1252", False)


def _fit(lines: list[str], sign: str) -> tuple[int, int]:
    """How many lines agree on a number of columns above one, and on how many."""
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=sign)]
    except csv.Error:
        return 0, 0
    usual = max(set(widths), key=widths.count) if widths else 0
    return (widths.count(usual), usual) if usual > 1 else (0, 0)


def _header(lines: list[str], delimiter: str) -> bool:
    """Names are distinct words; a first line with numbers and times in it is a row."""
    try:
        first = next(csv.reader(lines[:1], delimiter=delimiter), [])
    except csv.Error:
        return True
    values = sum(_VALUE.fullmatch(cell.strip()) is not None for cell in first)
    return values == 0 or (values <= len(first) // 10 and len(set(first)) == len(first))
