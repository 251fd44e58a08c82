"""A piece of a stream of rows: each good row goes on, each bad one is told by its number."""

import time
from collections.abc import Mapping

import msgspec
import numpy as np

from apps.fraud.tables.assembling import assemble
from apps.fraud.tables.batch import (
    BODY_BYTES,
    Columns,
    allowed,
    bad_object,
    decoder,
    meaning_of,
    spread,
    timed_without_label,
)
from apps.fraud.tables.declared import Declared
from apps.fraud.tables.json_lines import why_not_json
from apps.fraud.tables.problems import WARNINGS
from apps.fraud.tables.raw import Table
from loupe.contract.reading import ARROW, EachRow
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import load

MOST_PROBLEMS = 100_000
"""More than a piece can have: every bad row is told."""
Refused = dict[int, tuple[str, str]]


def read_each(body: bytes, media_type: str, context: Mapping[str, JsonValue]) -> EachRow:
    """The rows of one piece; see `loupe.contract.reading.ReadEach`.

    Raises:
        InputRefused: an Arrow piece is damaged or has a column that is not known, or rows have
            ``amount`` and ``amount_minor`` at once.
    """
    declared = Declared.of(dict(context))
    names = allowed(declared.scheme)
    refused: Refused = {}
    if media_type == ARROW:
        columns: Columns = load("apps.fraud.tables.arrow_batch:columns")(body, names, BODY_BYTES)
        numbers = np.arange(len(next(iter(columns.values()))) if columns else 0)
    else:
        columns, numbers = _lines(body, names, refused)
    if not len(numbers):
        return EachRow(payload=Payload(), rows=(), refused=refused)
    table = Table(columns, numbers)
    table.problems.most = MOST_PROBLEMS
    heard_at = int(time.time() * 1000)
    mapping = meaning_of(declared.scheme, columns)
    found = assemble(table, mapping, declared, heard_at=heard_at, keep_repeats=True)
    for problem in found.problems.listed:
        if problem.code not in WARNINGS:
            words = f"{problem.field} = '{problem.value}': {problem.reason.en}"
            refused.setdefault(problem.line, (problem.code, words))
    kept = found.lines.tolist()
    arrays = found.columns if kept else {}
    return EachRow(
        payload=Payload(arrays=arrays, meta={"kind": "rows"}), rows=kept, refused=refused
    )


def _lines(body: bytes, names: tuple[str, ...], refused: Refused) -> tuple[Columns, np.ndarray]:
    """Columns of the lines that are objects as they should be, and their numbers."""
    one = decoder(names, lines=True)
    rows, numbers = [], []
    for number, line in enumerate(line for line in body.split(b"\n") if line.strip()):
        try:
            row = one.decode(line)
            if timed_without_label(row, names):
                refused[number] = (
                    "label_missing",
                    "The row says when its label was known, and has no label; send both or none.",
                )
                continue
            rows.append(row)
            numbers.append(number)
        except msgspec.ValidationError as error:
            trouble = bad_object(str(error), names)
            refused[number] = trouble.code, trouble.message
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            refused[number] = (
                "parse_error",
                f"The line is not a JSON object: {why_not_json(line, error)}.",
            )
    minor = names.index("amount_minor"), names.index("amount")
    forms = [tuple(getattr(row, f"f{at}") is not None for at in minor) for row in rows]
    first = next((form for form in forms if any(form) and not all(form)), (False, True))
    for number, form in zip(numbers, forms, strict=True):
        if all(form) or (any(form) and form != first):
            refused[number] = (
                "amount_twice",
                "The row has amount_minor where others have amount; send one of them in all rows.",
            )
    kept = [
        (number, row) for number, row in zip(numbers, rows, strict=True) if number not in refused
    ]
    return (
        spread([row for _, row in kept], names),
        np.array([number for number, _ in kept], dtype=np.int64),
    )
