"""Pictures without any labels, as a layout of its own: what a new dataset often begins with."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from apps.defect_detection.labels import DatasetAbout
from apps.defect_detection.layouts import groups
from apps.defect_detection.layouts.findings import Findings
from apps.defect_detection.layouts.placing import Places
from apps.defect_detection.layouts.tree import Tree
from loupe.contract.labelling import ReadDataset, ReadRecord
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.reporter import Reporter


def recognise(folder: Path) -> bool:
    """Whether there are pictures."""
    return bool(Tree(folder).pictures)


def read(folder: Path, options: Mapping[str, JsonValue]) -> ReadDataset:
    """Every picture, unlabelled; see `loupe.contract.labelling.ReadLayout`.

    Raises:
        InputRefused: there are no pictures.
    """
    tree = Tree(folder)
    findings = Findings(tree)
    if not tree.pictures:
        raise InputRefused("The dataset holds no pictures.", code="no_pictures")
    group_of = groups.read(tree, findings)
    for name in tree.pictures:
        if findings.size_of(name) is not None:
            findings.add(name, None, group=group_of.get(name, ""))
    read_dataset = findings.finish(DatasetAbout())
    problems = [each for each in read_dataset.problems if each.code != "no_classes"]
    return ReadDataset(
        about=read_dataset.about, records=read_dataset.records, problems=tuple(problems)
    )


def write(
    about: BaseModel, records: Iterator[ReadRecord], folder: Path, reporter: Reporter
) -> None:
    """Write the pictures below ``pictures/``."""
    places, grouped = Places(folder), []
    for number, record in enumerate(records, 1):
        grouped.append((places.take(record, "pictures"), record.group))
        reporter.progress(number, 0)
    groups.write(folder, grouped)
