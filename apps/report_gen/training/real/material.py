"""What a training learns from: a folder that a person names, or what the host hands over.

The host's bundle (`loupe.contract.runtime.bundle`) holds the volumes and tables themselves, under
pseudonyms, or says which folder of this machine they lie in. What stands in such a folder may name
people, and what a training tells under the host is stored: so studies have numbers there instead.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.report_gen.training.real.mapping import Columns
from apps.report_gen.training.real.places import FOLDER_FILE, TABLES, VOLUMES, listing
from apps.report_gen.training.real.studies import RealStudy, matched, read_folder, stem_of
from apps.report_gen.training.real.tables import Problem, read_files
from loupe.contract.runtime import bundle
from loupe.contract.runtime.errors import InputRefused


@dataclass(frozen=True, kw_only=True)
class Material:
    """Studies, what was left out, and how they may be called.

    Attributes:
        name: of the whole, as the card says it.
        private: whether names of studies and patients must not be told.
    """

    name: str
    studies: list[RealStudy]
    problems: list[Problem]
    private: bool = False
    _numbers: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = sorted({each.name for each in self.studies})
        patients = sorted({each.patient for each in self.studies})
        numbers = {f"study {each}": at for at, each in enumerate(names, 1)}
        numbers |= {f"patient {each}": at for at, each in enumerate(patients, 1)}
        object.__setattr__(self, "_numbers", numbers)

    def study(self, study: RealStudy) -> str:
        """How a study is called where it may be stored."""
        return f"study-{self._numbers[f'study {study.name}']}" if self.private else study.name

    def patient(self, study: RealStudy) -> str:
        """How its patient is called."""
        if not self.private:
            return study.patient
        return f"patient-{self._numbers[f'patient {study.patient}']}"


def material(data: Path, columns: Columns | None = None) -> Material:
    """What lies in `data`: a bundle, or a folder in CT-RATE's layout.

    Raises:
        InputRefused: nothing can be used, or the folder that a bundle names is not as it was.
    """
    if not bundle.is_bundle(data):
        studies, problems = read_folder(data, columns)
        return Material(name=data.name, studies=studies, problems=problems)
    told = bundle.describe(data)
    name = f"{str(told.get('name', 'data'))[:60]} version {told.get('version', '')}"
    files = {each.name: each.file for each in bundle.records(data)}
    if FOLDER_FILE in files:
        return _of_folder(name, files[FOLDER_FILE])
    columns = columns or Columns()
    tables = [(each, file) for each, file in sorted(files.items()) if each.startswith(TABLES)]
    places = {
        stem_of(each.removeprefix(VOLUMES)): [(each, file)]
        for each, file in files.items()
        if each.startswith(VOLUMES)
    }
    studies, problems = matched(*read_files(tables, columns), places)
    if not studies:
        raise InputRefused(
            f"No study of {name} can be used: none has both images and a label.", code="no_study"
        )
    return Material(name=name, studies=studies, problems=problems)


def _of_folder(name: str, record: Path) -> Material:
    folder, digest = _named(record)
    if not folder.is_dir():
        raise InputRefused(
            "The folder of studies is not on this machine: mount it where the web server sees it.",
            code="folder_missing",
        )
    if listing(folder)[0] != digest:
        raise InputRefused(
            "The folder of studies has changed since this version of it was made: start the "
            "training anew, on the folder as it is now.",
            code="folder_changed",
        )
    try:
        studies, problems = read_folder(folder)
    except InputRefused as error:
        # What it says names files, and files may name people.
        raise InputRefused(
            "No study of the folder can be used. At a terminal, manage.py train report_gen "
            "--data says why of each.",
            code=error.code,
        ) from None
    return Material(name=name, studies=studies, problems=problems, private=True)


def _named(record: Path) -> tuple[Path, str]:
    try:
        told: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        return Path(str(told["folder"])), str(told["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputRefused(
            f"{FOLDER_FILE} of the bundle names no folder; start the training anew.",
            code="folder_missing",
        ) from error
