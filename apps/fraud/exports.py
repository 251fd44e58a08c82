"""Results as a table or as JSON lines, one transaction each.

Cells that a spreadsheet would run as a formula are written with a leading apostrophe: identifiers
come from strangers. Numbers are numbers and are never touched.
"""

import csv
import io
import json
from collections.abc import Iterable
from typing import BinaryIO

from apps.fraud.schema import ScoredTransaction
from loupe.contract.results import ResultView
from loupe.contract.runtime.finite import finite

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HEAD = (
    "result", "id", "event_time", "amount", "amount_original", "currency", "outcome", "score",
    "label", "history", "late", "entities", "attributes", "model", "model_version",
    "operating_point",
)  # fmt: skip


def harmless(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("C-17"), harmless(" @SUM(A1)")
    ("'=1+1", 'C-17', "' @SUM(A1)")
    """
    return f"'{text}" if text.lstrip(" \u00a0\u3000\ufeff").startswith(_STARTS) else text


def write_csv(results: Iterable[ResultView], file: BinaryIO) -> None:
    """A line a transaction, in UTF-8 with a byte order mark, so that spreadsheets read Chinese.

    Entities and attributes are one column each, as ``key=value`` by semicolons.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", errors="replace")
    table = csv.writer(text)
    table.writerow(HEAD)
    for one in results:
        data = ScoredTransaction.model_validate(one.data.model_dump())
        table.writerow(
            [
                one.id,
                harmless(data.id),
                data.event_time,
                data.amount,
                data.amount_original,
                harmless(data.currency),
                one.decision.outcome,
                repr(one.decision.score),
                harmless(one.decision.label),
                data.history,
                int(data.late),
                harmless(_joined(data.entities)),
                harmless(_joined(data.attributes)),
                harmless(one.provenance.model_name),
                one.provenance.model_version,
                one.provenance.operating_point_version,
            ]
        )
    text.flush()
    text.detach()


def write_json(results: Iterable[ResultView], file: BinaryIO) -> None:
    """A line a transaction, with everything that was frozen with its decision."""
    for one in results:
        line = {
            "result": one.id,
            "outcome": one.decision.outcome,
            "label": one.decision.label,
            "model": one.provenance.model_name,
            "model_version": one.provenance.model_version,
            "operating_point": one.provenance.operating_point_version,
            **finite(one.data.model_dump(mode="json")),
        }
        text = json.dumps(line, ensure_ascii=False, allow_nan=False)
        file.write(text.encode("utf-8", "replace") + b"\n")


def _joined(values: dict[str, str]) -> str:
    return ";".join(f"{key}={value}" for key, value in values.items())
