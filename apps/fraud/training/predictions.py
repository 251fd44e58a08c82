"""``predictions.jsonl``: a line for each row of the test, from which thresholds are fitted."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training.table import Table
from loupe.contract.runtime.training import PREDICTIONS


def write_predictions(
    out: Path, table: Table, rows: NDArray[np.int64], scores: NDArray[np.float64]
) -> None:
    """Write record, time, amount (minor units), label and score of `rows`."""
    with (out / PREDICTIONS).open("w", encoding="utf-8") as file:
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
            line = {
                "record": str(table.events["id"][row]),
                "time": int(table.time[row]),
                "amount": int(table.events["amount"][row]),
                "label": int(table.label[row]),
                "score": score,
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
