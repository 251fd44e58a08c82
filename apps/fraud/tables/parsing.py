"""One range of a file becomes a request of the live service. Runs in the sandbox."""

import time
from collections.abc import Mapping
from pathlib import Path

from apps.fraud.tables import arrow_ipc, delimited, json_lines, parquet, splitting
from apps.fraud.tables.assembling import Assembled, assemble
from apps.fraud.tables.choosing import Choice, chosen
from apps.fraud.tables.formats import Format, format_of
from apps.fraud.tables.limits import LONGEST_LINE, RANGE_BYTES
from apps.fraud.tables.raw import Table
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload

LISTED = 1_000
"""Bad rows of a range that are listed; all are counted."""
Json = dict[str, JsonValue]


def parse(path: Path, options: Mapping[str, JsonValue]) -> Payload:
    """The good rows of a range as columns of `events`; bad ones are listed in `meta`.

    Args:
        options: ``context`` as `declared.Declared.of` has it, and ``range`` as `splitting.split`
            gave it; without one the file is to have no more rows than a range.

    Returns:
        `meta` has ``rows_read``, ``first_line`` and ``problems`` (`problems.Problems.as_json`).

    Raises:
        InputRefused: the range cannot be read, or not one of its rows is good.
    """
    form = format_of(path)
    choice = chosen(path, form, options)
    span = options.get(splitting.RANGE)
    if not isinstance(span, dict):
        span = _only_range(path, options)
    found = read_range(path, form, choice, span, LISTED)
    if not len(found):
        raise InputRefused(_nothing(found), code="no_good_rows")
    return Payload(
        arrays=found.columns,
        meta={
            "kind": "rows",
            "rows_read": found.read,
            "first_line": int(found.lines[0]),
            "problems": found.problems.as_json(),
        },
    )


def _only_range(path: Path, options: Mapping[str, JsonValue]) -> Json:
    ranges = splitting.split(path, options)
    span = ranges[0].get(splitting.RANGE)
    if len(ranges) > 1 or not isinstance(span, dict):
        raise InputRefused(
            "The file has more rows than are read at once; send it as a job, which reads it in "
            "ranges.",
            code="too_many_rows",
        )
    return span


def read_range(path: Path, form: Format, choice: Choice, span: Json, listed: int) -> Assembled:
    """Read and map one range.

    Raises:
        InputRefused: the file is damaged there.
    """
    table = _table(path, form, choice, span, listed)
    table.problems.most = listed
    return assemble(
        table,
        choice.mapping,
        choice.declared,
        heard_at=_whole(span, "heard_at", int(time.time() * 1000)),
    )


def _table(path: Path, form: Format, choice: Choice, span: Json, listed: int) -> Table:
    wanted = choice.mapping.columns()
    match form:
        case Format.CSV:
            header = delimited.header_of(path, choice.dialect)
            data = _bytes(path, span)
            line = _whole(span, "line", 1)
            return delimited.read(data, line, header.names, wanted, choice.dialect, listed)
        case Format.LINES:
            data = _bytes(path, span)
            line = _whole(span, "line", 1)
            return json_lines.read(data, line, wanted, choice.mapping.encoding, listed)
        case Format.PARQUET:
            group, skip = _whole(span, "group"), _whole(span, "skip")
            rows, row = _whole(span, "rows"), _whole(span, "row", 1)
            return parquet.read(path, group, skip, rows, wanted, row)
        case Format.ARROW_FILE | Format.ARROW_STREAM:
            return arrow_ipc.read(path, form, _place(span), wanted)


def _bytes(path: Path, span: Json) -> bytes:
    start, stop = _whole(span, "start"), _whole(span, "stop")
    if not 0 <= stop - start <= RANGE_BYTES + LONGEST_LINE:
        raise InputRefused(f"A range of {stop - start:,} bytes is not read.", code="bad_range")
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _whole(span: Json, key: str, default: int = 0) -> int:
    value = span.get(key, default)
    return value if isinstance(value, int) else default


def _pair(value: JsonValue) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2:
        return int(str(value[0])), int(str(value[1]))
    return 0, 0


def _place(span: Json) -> arrow_ipc.Place:
    dictionaries = span.get("dictionaries")
    listed = dictionaries if isinstance(dictionaries, list) else []
    return arrow_ipc.Place(
        schema=_pair(span.get("schema")),
        dictionaries=tuple(_pair(pair) for pair in listed),
        batches=_pair(span.get("batches")),
        skip=_whole(span, "skip"),
        rows=_whole(span, "rows"),
        row=_whole(span, "row", 1),
    )


def _nothing(found: Assembled) -> str:
    if not found.problems.listed:
        return "The range has no rows."
    first = min(found.problems.listed, key=lambda problem: problem.line)
    return (
        f"Not one of {found.read:,} rows can be used. The first, {first.where}: {first.reason.en} "
        "Look at the mapping, then try again."
    )
