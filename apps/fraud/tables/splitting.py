"""Cuts a file into ranges of at most `raw.MOST_ROWS` rows: the items of a job, worked in order.

A range is plain JSON and says where it lies, so that it can be read without what is before it:
bytes of a text, a part of a Parquet row group, a span of Arrow batches. Very large text files are
looked at in stretches: the last range is then a request to go on (`MORE`).
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from apps.fraud.tables import arrow_ipc, delimited, parquet, text_index
from apps.fraud.tables.choosing import Choice, chosen
from apps.fraud.tables.formats import BOM, Format, format_of
from apps.fraud.tables.limits import SCAN_BYTES, SCAN_RANGES
from apps.fraud.tables.raw import MOST_ROWS
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

RANGE, MORE = "range", "split"
"""Keys of an item's options: the range it is, or where cutting goes on."""
Json = dict[str, JsonValue]


def split(path: Path, options: Mapping[str, JsonValue]) -> list[Json]:
    """The ranges of a file, each as the options of one item.

    Args:
        options: those of a parse, with ``context``; under `MORE` where an earlier call ended.

    Raises:
        InputRefused: the file is cut, damaged, hostile, or no mapping fits it.
    """
    begun = options.get(MORE)
    state: Json = begun if isinstance(begun, dict) else {}
    # The moment the rows were heard of is the same for all ranges, and for every retry.
    heard_at = state.get("heard_at") or int(time.time() * 1000)
    form = format_of(path)
    choice = chosen(path, form, options)
    found: list[Json] = []
    for span in islice(_spans(path, form, choice, state), SCAN_RANGES):
        found.append({RANGE: {"format": form.value, "heard_at": heard_at, **span}})
    if not found and not state:
        raise InputRefused("The file has no rows.", code="no_rows")
    if form.textual and found:
        last = found[-1][RANGE]
        if isinstance(last, dict) and int(str(last["stop"])) < path.stat().st_size:
            found.append({MORE: {"heard_at": heard_at, "behind": last}})
    elif len(found) == SCAN_RANGES:
        found.append({MORE: {"heard_at": heard_at, "ranges": _done(state) + len(found)}})
    return found


def _done(state: Json) -> int:
    return int(str(state.get("ranges") or 0))


def _spans(path: Path, form: Format, choice: Choice, state: Json) -> Iterator[Json]:
    match form:
        case Format.CSV | Format.LINES:
            return _text_spans(path, form, choice, state)
        case Format.PARQUET:
            return islice(_parquet_spans(path, choice), _done(state), None)
        case Format.ARROW_FILE | Format.ARROW_STREAM:
            return islice(_arrow_spans(path, form), _done(state), None)


def _text_spans(path: Path, form: Format, choice: Choice, state: Json) -> Iterator[Json]:
    start, line = 0, 1
    behind = state.get("behind")
    if isinstance(behind, dict):
        start, line = int(str(behind["stop"])), int(str(behind["next_line"]))
    elif form is Format.CSV:
        header = delimited.header_of(path, choice.dialect)
        start, line = header.start, header.line
    else:
        with path.open("rb") as file:
            start = len(BOM) if file.read(len(BOM)) == BOM else 0
    quoted = form is Format.CSV
    for span in text_index.spans(path, start, line, quoted=quoted, most=SCAN_BYTES):
        yield asdict(span)


def _parquet_spans(path: Path, choice: Choice) -> Iterator[Json]:
    file = parquet.opened(path)
    parquet.check(file, choice.mapping.columns())
    row = 1
    for group, rows in enumerate(parquet.groups(file)):
        for skip in range(0, rows, MOST_ROWS):
            yield {"group": group, "skip": skip, "rows": min(MOST_ROWS, rows - skip), "row": row}
            row += min(MOST_ROWS, rows - skip)


def _arrow_spans(path: Path, form: Format) -> Iterator[Json]:
    for place in arrow_ipc.places(path, form):
        yield {
            "schema": list(place.schema),
            "dictionaries": [list(span) for span in place.dictionaries],
            "batches": list(place.batches),
            "skip": place.skip,
            "rows": place.rows,
            "row": place.row,
        }
