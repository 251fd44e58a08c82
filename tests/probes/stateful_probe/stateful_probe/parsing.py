"""Reads a CSV file of payments. Runs in the sandbox."""

import csv
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from loupe.contract.runtime.columns import from_rows
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from stateful_probe.schema import Payment


def parse(path: Path, options: Mapping[str, JsonValue]) -> Payload:
    """Columns of `Payment`; the first bad line is named."""
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                rows.append(Payment.model_validate(row))
            except ValidationError as error:
                first = error.errors()[0]
                raise InputRefused(
                    f"Line {number}, {first['loc']}: {first['msg']}.", code="bad_row"
                ) from error
    return Payload(arrays=from_rows(rows, Payment))
