"""Rows of a table that a parsing step left out, as lines of ``manage.py predict``."""

from collections.abc import Iterator, Mapping
from typing import Any

from loupe.contract.inputs import PROBLEMS
from loupe.contract.runtime.payload import JsonValue

Line = dict[str, Any]


def bad_rows(name: str, meta: Mapping[str, JsonValue]) -> Iterator[Line]:
    """A line with ``error`` for each row that was left out and listed, with ``warning`` for each
    that is odd, and one for those that were only counted.

    Args:
        name: the file's.
        meta: of what `Parse` gave.
    """
    told = meta.get(PROBLEMS)
    if not isinstance(told, Mapping):
        return
    counts, listed = told.get("counts"), told.get("listed")
    rows = (
        [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    )
    for each in rows:
        yield _line(name, each)
    every = sum(int(str(count)) for count in counts.values()) if isinstance(counts, Mapping) else 0
    if every > len(rows):
        message = (
            f"Of this part of the file {every:,} rows have something wrong or odd; the first "
            f"{len(rows):,} are told."
        )
        yield {"name": name, "warning": {"code": "more_bad_rows", "message": message}}


def _line(name: str, row: Mapping[str, JsonValue]) -> Line:
    line, field, value = row.get("line"), row.get("field"), row.get("value")
    where = f"line {line}" + (f", {field} = {value!r}" if field else "")
    told = {
        "code": row.get("code"),
        "message": f"{where}: {row.get('en')}",
        "message_zh": row.get("zh"),
        "field": field,
        "value": value,
    }
    if row.get("warning"):
        return {"name": name, "line": line, "warning": told}
    return {"status": "refused", "name": name, "line": line, "error": told}
