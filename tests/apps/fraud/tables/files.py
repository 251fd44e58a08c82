"""Files of transactions for tests, in every format, from one list of rows."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apps.fraud.scheme import CARD_PAYMENTS, Scheme
from apps.fraud.tables.mapping import Mapping as Meaning
from apps.fraud.tables.splitting import MORE, RANGE, split
from apps.fraud.tables.time_column import TimeColumn

FORMATS = ("csv", "jsonl", "parquet", "arrow", "arrows")
ROW: dict[str, Any] = {
    "ref": "T-1",
    "at": "2024-05-06T07:08:09Z",
    "sum": "12.50",
    "ccy": "EUR",
    "who": "C-1",
    "where": "M-1",
    "fraud": "0",
}
MAPPING = Meaning(
    id="ref",
    time=TimeColumn(column="at"),
    amount="sum",
    currency="ccy",
    entities={"customer": "who", "terminal": "where"},
    label="fraud",
)


def rows(count: int, **changed: Any) -> list[dict[str, Any]]:
    """Good rows with identifiers of their own."""
    return [
        {**ROW, "ref": f"T-{number}", "who": f"C-{number % 97}", "sum": f"{number % 500}.25"}
        | changed
        for number in range(count)
    ]


def written(path: Path, form: str, told: Sequence[Mapping[str, Any]], batch: int = 1000) -> Path:
    """The rows as a file of that format."""
    if form == "csv":
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(told[0]))
        writer.writeheader()
        writer.writerows(told)
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
    elif form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(list(told)), path, row_group_size=3 * batch)
    else:
        table = pa.Table.from_pylist(list(told))
        new = pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as out:
            out.write_table(table, max_chunksize=batch)
    return path


def context(
    mapping: Meaning | None = MAPPING, scheme: Scheme = CARD_PAYMENTS, **more: Any
) -> dict[str, Any]:
    """Options of a project that saved a mapping."""
    saved = None if mapping is None else mapping.model_dump(mode="json")
    told = {"scheme": scheme.model_dump(mode="json"), "mapping": saved, **more}
    return {"context": told}


def ranges(path: Path, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All ranges of a file, those of later stretches included."""
    found: list[dict[str, Any]] = [dict(one) for one in split(path, options)]
    while MORE in found[-1]:
        found += [dict(one) for one in split(path, {**options, **found.pop()})]
    assert all(set(one) == {RANGE} for one in found)
    return found
