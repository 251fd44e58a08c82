"""Reads a CSV file of payments, in ranges of whole lines. Runs in the sandbox."""

import csv
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from loupe.contract.runtime.columns import from_rows
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from stateful_probe.schema import Payment

AT_ONCE = 1000
"""Ranges of one look at a file."""


def split(path: Path, options: Mapping[str, JsonValue]) -> list[dict[str, JsonValue]]:
    """Ranges of ``rows_at_once`` lines; after `AT_ONCE` of them cutting goes on later."""
    begun = options.get("split")
    row = int(str(begun.get("row", 0))) if isinstance(begun, dict) else 0
    with path.open("rb") as file:
        rows = max(0, sum(1 for line in file if line.strip()) - 1)
    if not rows:
        raise InputRefused("The table has no rows.", code="no_rows")
    step = int(str(options["rows_at_once"]))
    ranges: list[dict[str, JsonValue]] = [
        {"row": start, "rows": min(step, rows - start)}
        for start in range(row, min(rows, row + AT_ONCE * step), step)
    ]
    if row + AT_ONCE * step < rows:
        ranges.append({"split": {"row": row + AT_ONCE * step}})
    return ranges


def parse(path: Path, options: Mapping[str, JsonValue]) -> Payload:
    """Columns of `Payment`, of a range or the whole; the first bad line is named."""
    start = int(str(options.get("row", 0)))
    stop = start + int(str(options["rows"])) if "rows" in options else None
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        lines = islice(csv.DictReader(file), start, stop)
        for number, row in enumerate(lines, start=start + 2):
            try:
                rows.append(Payment.model_validate(row))
            except ValidationError as error:
                first = error.errors()[0]
                raise InputRefused(
                    f"Line {number}, {first['loc']}: {first['msg']}.", code="bad_row"
                ) from error
    return Payload(arrays=from_rows(rows, Payment))
