"""Reads batches of purchases: JSON, one object a line, Arrow, and CSV files in the sandbox."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loupe.contract.reading import ARROW, NDJSON
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import load

FIELDS = {"id", "account", "cents", "places"}


def read_rows(body: bytes, media_type: str, context: Mapping[str, JsonValue]) -> Payload:
    """The batch as columns; `cents` are those of the context's unit."""
    if media_type == ARROW:
        rows = load("chained_probe.arrow:rows_of")(body)
    elif media_type == NDJSON:
        rows = [_parsed(line) for line in body.split(b"\n") if line.strip()]
    else:
        rows = _parsed(body)
    if not isinstance(rows, list):
        raise InputRefused("The body is no list of purchases.", code="no_rows")
    return columns(rows, context)


def parse(path: Path, options: Mapping[str, JsonValue]) -> Payload:
    """A CSV file of purchases. Runs in the sandbox; every column but three is a place."""
    context = options.get("context", {})
    if not isinstance(context, dict):
        raise InputRefused("The context is no object.", code="no_context")
    return columns(list(_lines(path)), context)


def _lines(path: Path) -> Iterator[dict[str, object]]:
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                places = {k: v for k, v in row.items() if k not in FIELDS and v}
                cents = int(row["cents"])
                yield {"id": row["id"], "account": row["account"], "cents": cents, "places": places}
            except (KeyError, TypeError, ValueError) as error:
                raise InputRefused(
                    f"Line {number} is no purchase: {error}.", code="bad_row"
                ) from error


def columns(rows: Sequence[object], context: Mapping[str, JsonValue]) -> Payload:
    """Checked rows as columns."""
    good = [_checked(number, row) for number, row in enumerate(rows)]
    said = context.get("unit")
    unit = said if isinstance(said, int) else 1
    arrays = {
        "id": np.array([row["id"] for row in good], dtype=np.str_),
        "account": np.array([row["account"] for row in good], dtype=np.str_),
        "cents": np.array([row["cents"] for row in good], dtype=np.int64) * unit,
    }
    for key in sorted({key for row in good for key in row["places"]}):
        arrays[f"places.{key}"] = np.array(
            [row["places"].get(key, "") for row in good], dtype=np.str_
        )
    return Payload(arrays=arrays)


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputRefused(f"The body is no JSON: {error}.", code="parse_error") from error


def _checked(number: int, row: object) -> dict[str, Any]:
    if not isinstance(row, dict) or not set(row) <= FIELDS:
        raise InputRefused(f"Row {number} is no purchase.", code="bad_row")
    places = row.get("places") or {}
    for field, value in (("id", row.get("id")), ("account", row.get("account"))):
        if not isinstance(value, str) or not value:
            raise InputRefused(f"Row {number}, {field}: a text is needed.", code="bad_row")
    cents = row.get("cents")
    if isinstance(cents, bool) or not isinstance(cents, int) or not 0 <= cents <= 10**9:
        raise InputRefused(f"Row {number}, cents: {cents!r} is no amount.", code="bad_row")
    if not isinstance(places, dict):
        raise InputRefused(f"Row {number}, places: an object is needed.", code="bad_row")
    there = {str(key): str(value) for key, value in places.items() if value is not None}
    return {"id": row["id"], "account": row["account"], "cents": cents, "places": there}
