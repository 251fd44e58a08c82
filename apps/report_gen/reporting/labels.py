"""Signed reports as training labels: a table like CT-RATE's, one row a study, one column a kind."""

import csv
from collections.abc import Iterable
from typing import TextIO

from apps.report_gen.findings import FINDINGS, State
from apps.report_gen.report import ReportDocument
from apps.report_gen.reporting.wording import as_set

VALUES = {State.PRESENT: "1", State.ABSENT: "0", State.UNCERTAIN: ""}
"""CT-RATE knows no doubt: what a reader left uncertain is left empty, not guessed."""


def columns() -> list[str]:
    """Of the table: the volume, then CT-RATE's names, and our own where it has none."""
    return ["VolumeName", *(kind.ct_rate or kind.name.en for kind in FINDINGS)]


def row(volume: str, document: ReportDocument) -> list[str]:
    """One study."""
    states = as_set(document.findings).states()
    return [volume, *(VALUES[states[kind.key]] for kind in FINDINGS)]


def write(rows: Iterable[tuple[str, ReportDocument]], target: TextIO) -> int:
    """Write the table; returns how many studies it holds."""
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns())
    count = 0
    for volume, document in rows:
        writer.writerow(row(volume, document))
        count += 1
    return count


def write_with_patients(rows: Iterable[tuple[str, str, ReportDocument]], target: TextIO) -> None:
    """The table that a training reads: the patient's pseudonym stands beside the volume."""
    writer = csv.writer(target, lineterminator="\n")
    volume, *others = columns()
    writer.writerow([volume, "PatientID", *others])
    for name, patient, document in rows:
        _, *values = row(name, document)
        writer.writerow([name, patient, *values])
