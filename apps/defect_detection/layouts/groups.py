"""``groups.csv``: which lot, board or part each picture of a dataset belongs to.

Two columns, ``name`` and ``group``; for the layouts that have no place for it.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from apps.defect_detection.layouts.findings import Findings
from apps.defect_detection.layouts.tree import Tree, joined, parent
from loupe.contract.runtime.errors import InputRefused

FILE = "groups.csv"


def read(tree: Tree, findings: Findings) -> dict[str, str]:
    """The group of each picture that the file names; empty without such a file."""
    file = min(tree.by_name.get(FILE, ()), key=lambda name: name.count("/"), default=None)
    if file is None:
        return {}
    try:
        rows = list(csv.reader(io.StringIO(tree.text(file))))
    except (csv.Error, InputRefused) as error:
        findings.warn(file, "bad_groups", f"The file cannot be read as CSV: {error}.")
        return {}
    if not rows or [cell.strip().lower() for cell in rows[0]] != ["name", "group"]:
        findings.warn(file, "bad_groups", "The first line must be 'name,group'; it was not read.")
        return {}
    found = {}
    for number, row in enumerate(rows[1:], 2):
        name = joined(parent(file), row[0]) if len(row) == 2 else None
        if name is None or name not in tree.files:
            findings.warn(
                file, "missing_picture", "The line names no picture of the dataset.", number
            )
        else:
            found[name] = row[1].strip()
    return found


def write(folder: Path, named: Iterable[tuple[str, str]]) -> None:
    """Write the file for pictures that have a group; nothing where none has."""
    kept = [(name, group) for name, group in named if group]
    if not kept:
        return
    with (folder / FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "group"])
        writer.writerows(kept)
