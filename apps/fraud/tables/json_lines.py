"""JSON lines as columns. Names are taken as they are, nothing is evaluated."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from apps.fraud.tables.decoding import decoded
from apps.fraud.tables.limits import LONGEST_LINE, MOST_COLUMNS
from apps.fraud.tables.mapping import Encoding
from apps.fraud.tables.problems import Problem, Problems, shortened
from apps.fraud.tables.raw import Raw, Table, absent, text_column

_NESTED = (list, dict)
_BYTE = re.compile(r"\(byte (?P<at>\d+)\)$")
_NO_NUMBER = re.compile(rb"(?i:nan|infinity|inf)\b")
_KEY = re.compile(rb'"(?P<key>[^"\\]{1,60})"\s*:\s*-?\Z')
_LARGEST = 2**63 - 1


@lru_cache(maxsize=64)
def _decoder(wanted: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Of objects: the wanted keys, everything else is skipped unread."""
    fields = [(f"f{index}", Any, None) for index in range(len(wanted))]
    rename = {f"f{index}": name for index, name in enumerate(wanted)}
    return msgspec.json.Decoder(msgspec.defstruct("Row", fields, rename=rename, gc=False))


def read(
    data: bytes, line: int, wanted: Sequence[str], encoding: Encoding, most_listed: int
) -> Table:
    """The objects of a range of lines; lines that are no objects are listed and left out."""
    problems = Problems(most=most_listed)
    wanted = [name for name in wanted if _is_name(name)]
    text = decoded(data, line, encoding, problems)
    decoder = _decoder(tuple(wanted))
    before = problems.bad
    try:
        rows = decoder.decode_lines(text.data)
        lines = _filled_lines(text.data, text.physical)
        if len(rows) != len(lines):
            raise msgspec.DecodeError("objects and lines do not pair")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        rows, lines = _one_by_one(decoder, text.data, text.physical, problems)
    columns = {
        name: column([getattr(row, f"f{index}") for row in rows])
        for index, name in enumerate(wanted)
    }
    bad = problems.bad - before
    return Table(columns, lines, problems, len(rows) + bad + before)


def _filled_lines(data: bytes, physical: np.ndarray) -> np.ndarray:
    filled = [bool(part.strip()) for part in data.split(b"\n")]
    return physical[: len(filled)][np.array(filled, dtype=np.bool_)]


def _one_by_one(
    decoder: msgspec.json.Decoder[Any], data: bytes, physical: np.ndarray, problems: Problems
) -> tuple[list[Any], np.ndarray]:
    rows: list[Any] = []
    numbers: list[int] = []
    for number, part in zip(physical.tolist(), data.split(b"\n"), strict=False):
        if not part.strip():
            continue
        try:
            rows.append(decoder.decode(part))
            numbers.append(number)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            shown = shortened(part[:200].decode(errors="replace"))
            why = why_not_json(part, error)
            problems.add(
                Problem(line=number, field="", value=shown, code="bad_json", allowed=why[:100])
            )
    return rows, np.array(numbers, dtype=np.int64)


def why_not_json(data: bytes, error: Exception) -> str:
    """What is wrong with text that is not JSON; NaN and infinities, which other writers put where
    JSON has numbers, are told by the name of their field.

    >>> why_not_json(b'{"amount": NaN}', ValueError("invalid character (byte 11)"))
    "amount is NaN, which JSON does not have: send a finite number"
    """
    place = _BYTE.search(str(error))
    at = int(place["at"]) if place else len(data)
    value = _NO_NUMBER.match(data, at)
    if value is None:
        return str(error) or type(error).__name__
    before = data[max(0, at - 100) : at]
    key = _KEY.search(before)
    what = key["key"].decode(errors="replace") if key else "A value"
    sign = "-" if before.endswith(b"-") else ""
    return f"{what} is {sign}{value[0].decode()}, which JSON does not have: send a finite number"


def keys_of(path: Path, lines: int) -> tuple[str, ...]:
    """The keys of the first lines of a file, in the order in which they come up."""
    found: dict[str, None] = {}
    with path.open("rb") as file:
        while lines and (part := file.readline(LONGEST_LINE)):
            lines -= 1
            try:
                row = msgspec.json.decode(part.removeprefix(b"\xef\xbb\xbf"))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                continue
            if isinstance(row, dict):
                found.update(dict.fromkeys(key for key in row if _is_name(key)))
            if len(found) > MOST_COLUMNS:
                break
    return tuple(found)


def _is_name(key: str) -> bool:
    """Whether a key can be that of a column; the decoder takes no others."""
    return 0 < len(key) <= 200 and key.isprintable() and not set(key) & {'"', "\\"}


def column(values: list[Any]) -> Raw:
    """Values of JSON as one column: of one type where they are of one, else of text."""
    kinds = set(map(type, values))
    nested = None
    if kinds & set(_NESTED):
        nested = np.array([isinstance(value, _NESTED) for value in values], dtype=np.bool_)
        values = [None if isinstance(value, _NESTED) else value for value in values]
        kinds -= set(_NESTED)
        kinds.add(type(None))
    found = _typed(values, kinds - {type(None)})
    return found if nested is None else Raw(found.values, found.missing, found.long, False, nested)


def _typed(values: list[Any], kinds: set[type]) -> Raw:
    if not kinds:
        return absent(len(values))
    if kinds == {str}:
        return text_column(values)
    missing = np.array([value is None for value in values], dtype=np.bool_)
    if kinds == {bool}:
        return Raw(np.array([bool(value) for value in values], dtype=np.bool_), missing)
    if kinds == {int} and _fits(values):
        return Raw(np.array([value or 0 for value in values], dtype=np.int64), missing)
    if kinds == {float}:
        return Raw(np.array([value or 0.0 for value in values], dtype=np.float64), missing)
    return text_column([None if value is None else printed(value) for value in values])


def _fits(values: list[Any]) -> bool:
    return all(value is None or -_LARGEST <= value <= _LARGEST for value in values)


def printed(value: Any) -> str:
    """A value of JSON as text, numbers as they are written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value).removesuffix(".0")
    return str(value)
