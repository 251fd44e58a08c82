"""What the reader said, checked again: it has read hostile bytes and is not to be believed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from loupe.contract.labelling import Labelling, Problem
from loupe.contract.runtime.errors import InputRefused
from loupe.datasets import vocabulary
from loupe.datasets.errors import LabelsRefused
from loupe.datasets.models import Split


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One record to be. `file` is relative to the folder that was read."""

    name: str
    file: str
    labels: BaseModel | None
    group: str
    split: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is to come in."""

    layout: str
    about: BaseModel
    records: tuple[Planned, ...]
    problems: tuple[Problem, ...]


def parse(data: bytes, labelling: Labelling, root: Path) -> Plan:
    """The plan in the sandbox's answer.

    Raises:
        InputRefused: it is not what a reader writes.
    """
    try:
        lines = (json.loads(line) for line in data.split(b"\n"))
        head = next(lines)
        about = labelling.about_schema.model_validate(head["about"])
        records: list[Planned] = []
        problems: list[Problem] = []
        names: set[str] = set()
        for line in lines:
            if "problem" in line:
                problems.append(_problem(line["problem"]))
                continue
            record = _record(line["record"], labelling, about, root)
            if record.name not in names:
                names.add(record.name)
                records.append(record)
    except (ValueError, KeyError, TypeError, ValidationError, LabelsRefused, OSError) as error:
        raise InputRefused(
            _("The archive crashed its reader and was set aside; it is damaged or hostile."),
            code="decode_crashed",
        ) from error
    return Plan(
        layout=str(head["layout"]),
        about=about,
        records=tuple(records),
        problems=tuple(problems),
    )


def _record(said: dict[str, Any], labelling: Labelling, about: BaseModel, root: Path) -> Planned:
    file = root / str(said["file"])
    if not file.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{file} lies outside")
    labels = said["labels"]
    split = str(said["split"])
    return Planned(
        name=str(said["name"])[:500],
        file=str(said["file"]),
        labels=None if labels is None else vocabulary.labels(labelling, labels, about),
        group=str(said["group"])[:100],
        split=split if split in Split.values else "",
    )


def _problem(said: dict[str, Any]) -> Problem:
    return Problem(
        file=str(said["file"])[:500],
        line=max(0, min(int(said["line"]), 2**31 - 1)),
        code=str(said["code"])[:50],
        reason=str(said["reason"])[:2000],
        fatal=bool(said["fatal"]),
    )


def problems_in(file: Path) -> Iterator[Problem]:
    """Problems written down one a line; a line cut off by a kill is passed over."""
    for said in lines_of(file):
        yield _problem(said)


def lines_of(file: Path) -> Iterator[dict[str, Any]]:
    """Whole JSON lines of a file that is appended to; none where there is no file."""
    if not file.exists():
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
