"""Volumes and what is said of them: one record a volume, with its patient and its labels."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.report_gen.findings import FINDINGS, KEYS
from apps.report_gen.labels.extract import extract
from apps.report_gen.training.real.mapping import MAPPING_FILE, Columns, read_mapping
from apps.report_gen.training.real.tables import Problem, Row, read_tables
from loupe.contract.runtime.errors import InputRefused

ENDINGS: Final = (".nii.gz", ".nii", ".zip", ".dcm")
VALIDATION_SHARE: Final = 0.2
MOST_FILES: Final = 2_000_000
SHOWN: Final = 12
Place = tuple[str, Path]
"""How a volume is called where problems are told, and its file or folder."""
_CT_RATE = re.compile(r"^(\w+?_\d+)_[a-z]+_\d+(\.nii(\.gz)?)?$")


@dataclass(frozen=True, kw_only=True)
class RealStudy:
    """One volume.

    Attributes:
        labels: by key; a finding that nothing tells of is not in it, and teaches nothing.
        labelled_by: ``columns`` or ``report``.
    """

    name: str
    path: Path
    patient: str
    clinical: str
    report: str
    labels: Mapping[str, bool]
    labelled_by: str

    @property
    def validates(self) -> bool:
        """Whether it judges; a patient's studies all do or none does, and always the same."""
        digest = hashlib.sha256(self.patient.encode()).digest()
        return int.from_bytes(digest[:4]) / 2**32 < VALIDATION_SHARE


def read_folder(
    folder: Path, columns: Columns | None = None
) -> tuple[list[RealStudy], list[Problem]]:
    """The studies of a folder and everything that was left out.

    Raises:
        InputRefused: not one can be used; the first reasons are told.
    """
    own = folder / MAPPING_FILE
    columns = columns or read_mapping(own if own.is_file() else None)
    rows, problems = read_tables(folder, columns)
    studies, problems = matched(rows, problems, _places(folder))
    if not studies:
        first = "; ".join(str(each) for each in sorted(problems)[:SHOWN])
        raise InputRefused(
            f"No study of {folder} can be used: {first or 'there is no CSV file'}. Put volumes and "
            f"CSV files with a column {columns.volume!r} there, or map other names.",
            code="no_study",
        )
    return studies, problems


def matched(
    rows: Mapping[str, Row], problems: list[Problem], places: Mapping[str, Sequence[Place]]
) -> tuple[list[RealStudy], list[Problem]]:
    """Rows and volumes of the same name become studies; everything else is a problem."""
    studies, problems = [], list(problems)
    for row in rows.values():
        found = places.get(stem_of(row.name), [])
        if len(found) != 1:
            reason = f"there are {len(found)} volumes called {row.name}; one is needed"
            problems.append(Problem(row.file, row.line, reason))
            continue
        study = _study(row, found[0][1])
        if not study.labels:
            reason = f"{row.name} has neither a label nor a report to read one from"
            problems.append(Problem(row.file, row.line, reason))
            continue
        studies.append(study)
    named = {stem_of(name) for name in rows}
    problems += [
        Problem(name, 0, "no row of any table names this volume")
        for stem, those in places.items()
        for name, _path in those
        if stem not in named
    ]
    return sorted(studies, key=lambda each: each.name), sorted(problems)


def _study(row: Row, path: Path) -> RealStudy:
    report = "\n".join(part for part in (row.findings, row.impression) if part)
    labels, by = dict(row.labels), "columns"
    if not labels and report:
        labels, by = labels_of(report), "report"
    return RealStudy(
        name=row.name, path=path, patient=row.patient or patient_of(row.name),
        clinical=row.clinical, report=report, labels=labels, labelled_by=by,
    )  # fmt: skip


def labels_of(report: str) -> dict[str, bool]:
    """Labels that are read out of a report; findings that are no label of CT-RATE are not told."""
    said = extract(report)
    return {kind.key: said[kind.ct_rate] for kind in FINDINGS if kind.ct_rate in said}


def patient_of(name: str) -> str:
    """Of CT-RATE's ``train_12_a_1.nii.gz`` the patient ``train_12``; else the name itself."""
    found = _CT_RATE.match(name)
    return found.group(1) if found else name


def stem_of(name: str) -> str:
    """The name of a volume without its ending."""
    lowered = name.lower()
    ending = next((each for each in ENDINGS if lowered.endswith(each)), "")
    return name[: len(name) - len(ending)] if ending else name


def _places(folder: Path) -> dict[str, list[Place]]:
    """Volumes by name without ending: NIfTI files, zips, and folders that hold DICOM files."""
    found: dict[str, list[Place]] = defaultdict(list)
    series: set[Path] = set()
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if number > MOST_FILES:
            raise InputRefused(f"{folder} holds more than {MOST_FILES} files; split it.")
        if path.is_symlink() or not path.is_file():
            continue
        if path.name.lower().endswith((".nii", ".nii.gz", ".zip")):
            found[stem_of(path.name)].append((str(path.relative_to(folder)), path))
        elif path.suffix.lower() in (".dcm", ".ima", "") and path.parent != folder:
            series.add(path.parent)
    for place in sorted(series):
        found[place.name].append((str(place.relative_to(folder)), place))
    return dict(found)


def told(studies: list[RealStudy]) -> dict[str, dict[str, int]]:
    """How many studies have each finding, lack it, or do not say."""
    return {
        key: {
            "present": sum(each.labels.get(key) is True for each in studies),
            "absent": sum(each.labels.get(key) is False for each in studies),
            "unknown": sum(key not in each.labels for each in studies),
        }
        for key in KEYS
    }
