"""How well the rules read reports that have labels: F1 of each label, with intervals.

    python -m apps.report_gen.labels.measure CSV

The table has CT-RATE's columns: ``AccessionNo``, ``report_text`` and one for each label. Rows fall
into two halves by a hash of the accession; rules were written while looking at the first half, and
what is told here is of the second one. Texts that come twice count once.
"""

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.labels.extract import extract
from apps.report_gen.labels.rules import LABELS
from loupe.contract.runtime.errors import InputRefused

ID: Final = "AccessionNo"
TEXT: Final = "report_text"
DRAWS: Final = 1000
LARGEST: Final = 200_000_000
Counts = NDArray[np.int64]


class Row(NamedTuple):
    """One report and its labels, in the order of `LABELS`."""

    accession: str
    text: str
    labels: tuple[bool, ...]


def rows_of(path: Path) -> list[Row]:
    """The rows of a table, each text once.

    Raises:
        InputRefused: columns are missing, a label is neither 0 nor 1, or the file is too large.
    """
    if path.stat().st_size > LARGEST:
        raise InputRefused(
            f"The table has more than {LARGEST:,} bytes; measure on a part of it.",
            code="table_too_large",
        )
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [each for each in (ID, TEXT, *LABELS) if each not in (reader.fieldnames or ())]
        if missing:
            raise InputRefused(
                f"The table has no column {', '.join(missing)}; give CT-RATE's columns.",
                code="table_columns",
            )
        made: dict[str, Row] = {}
        for number, line in enumerate(reader, 2):
            told = [str(line[each]).strip() for each in LABELS]
            if not set(told) <= {"0", "1"}:
                raise InputRefused(
                    f"Line {number} has a label that is neither 0 nor 1; give 0 or 1.",
                    code="table_label",
                )
            labels = tuple(each == "1" for each in told)
            text = line[TEXT]
            made.setdefault(" ".join(text.split()), Row(line[ID], text, labels))
    return list(made.values())


def development(accession: str) -> bool:
    """Whether a row may be looked at while rules are written."""
    return int(hashlib.sha256(accession.encode()).hexdigest(), 16) % 2 == 0


def counts(rows: Sequence[Row]) -> Counts:
    """Of each row and label: found and there, found but not there, there but not found."""
    made = np.zeros((len(rows), len(LABELS), 3), dtype=np.int64)
    for number, row in enumerate(rows):
        found = extract(row.text)
        for place, (label, there) in enumerate(zip(LABELS, row.labels, strict=True)):
            said = found[label]
            made[number, place] = said and there, said and not there, there and not said
    return made


def f1(summed: Counts) -> NDArray[np.float64]:
    """F1 of each label from counts [..., labels, 3]; 0 where nothing was found right."""
    right, wrong, missed = summed[..., 0], summed[..., 1], summed[..., 2]
    made: NDArray[np.float64] = 2 * right / np.maximum(2 * right + wrong + missed, 1)
    return made


def measured(rows: Sequence[Row], seed: int = 0) -> dict[str, Any]:
    """Macro-F1 and the F1 of each label with percentile bootstrap intervals over reports."""
    each = counts(rows)
    draw = np.random.default_rng(seed)
    picked = draw.integers(len(rows), size=(DRAWS, len(rows)))
    drawn = np.stack([f1(each[at].sum(0)) for at in picked])
    overall = f1(each.sum(0))

    def interval(values: NDArray[np.float64]) -> list[float]:
        return [round(float(value), 3) for value in np.percentile(values, (2.5, 97.5))]

    return {
        "reports": len(rows),
        "macro_f1": round(float(overall.mean()), 4),
        "macro_f1_interval": interval(drawn.mean(1)),
        "labels": {
            label: {
                "f1": round(float(overall[place]), 3),
                "interval": interval(drawn[:, place]),
                "there": int(each[:, place, (0, 2)].sum()),
                "missed": int(each[:, place, 2].sum()),
                "wrong": int(each[:, place, 1].sum()),
            }
            for place, label in enumerate(LABELS)
        },
    }


def main(argv: Sequence[str]) -> int:
    """Print what is measured, as JSON."""
    parser = argparse.ArgumentParser(description="How well reports are read for their labels.")
    parser.add_argument("table", type=Path, help="a CSV with CT-RATE's columns")
    parser.add_argument(
        "--development", action="store_true", help="the half that rules were written on"
    )
    asked = parser.parse_args(argv)
    rows = [row for row in rows_of(asked.table) if development(row.accession) is asked.development]
    print(json.dumps(measured(rows), ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
