"""The neutral form in which the host hands a dataset version to training and evaluation.

    DIR/dataset.json    {"schema": 1, "app", "name", "version", "sha256", "about": {…}}
    DIR/records.jsonl   {"name", "file": "files/<sha256>.<ext>", "group", "split", "labels": {…}}
    DIR/files/…         the bytes, often hard links

Splits are ``train``, ``val`` and ``test``; a record whose labels are null is never in a bundle.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import InputRefused

DESCRIPTION, RECORDS, FILES = "dataset.json", "records.jsonl", "files"


@dataclass(frozen=True, kw_only=True)
class BundleRecord:
    """One line of ``records.jsonl``; `file` is absolute."""

    name: str
    file: Path
    group: str
    split: str
    labels: dict[str, Any]


def is_bundle(folder: Path) -> bool:
    """Whether `folder` is one."""
    return (folder / DESCRIPTION).is_file() and (folder / RECORDS).is_file()


def describe(folder: Path) -> dict[str, Any]:
    """``dataset.json``.

    Raises:
        InputRefused: it is missing or of another schema.
    """
    try:
        said = json.loads((folder / DESCRIPTION).read_text())
    except (OSError, ValueError) as error:
        raise InputRefused(f"{folder.name}/{DESCRIPTION} cannot be read: {error}.") from error
    if not isinstance(said, dict) or said.get("schema") != 1:
        raise InputRefused(f"{folder.name}/{DESCRIPTION} is not of schema 1.")
    return said


def records(folder: Path) -> Iterator[BundleRecord]:
    """Every record, in the file's order.

    Raises:
        InputRefused: a line is damaged, or names a file outside ``files/``.
    """
    with (folder / RECORDS).open() as lines:
        for number, line in enumerate(lines, 1):
            try:
                said = json.loads(line)
                kind, name = str(said["file"]).split("/")
                record = BundleRecord(
                    name=str(said["name"]),
                    file=folder / FILES / name,
                    group=str(said["group"]),
                    split=str(said["split"]),
                    labels=dict(said["labels"]),
                )
            except (KeyError, TypeError, ValueError) as error:
                raise InputRefused(f"{RECORDS}, line {number}: {error!r}.") from error
            if kind != FILES or name in {"", ".", ".."} or not record.file.is_file():
                raise InputRefused(f"{RECORDS}, line {number}: there is no file {said['file']!r}.")
            yield record
