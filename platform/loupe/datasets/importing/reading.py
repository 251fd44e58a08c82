"""The sandbox's side: an app's reader over a hostile folder, answered as JSON lines.

Free of Django. The first line is ``{"layout", "about"}``; then follow ``{"record": …}`` and
``{"problem": …}``.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loupe.contract.labelling import ReadDataset
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.steps import load


def as_lines(path: Path, options: Mapping[str, Any]) -> bytes:
    """Read the folder at `path` in the first layout that recognises it.

    `options`: ``layouts``, triples of key, ``recognise`` and ``read``; ``reader``, handed to the
    reader.

    Raises:
        InputRefused: no layout recognises it, or the one that does refuses it.
    """
    for key, recognise, read in options["layouts"]:
        if load(recognise)(path):
            found: ReadDataset = load(read)(path, options["reader"])
            lines = (json.dumps(line, ensure_ascii=True) for line in _lines(key, found, path))
            return "\n".join(lines).encode()
    known = ", ".join(str(key) for key, *_ in options["layouts"])
    raise InputRefused(
        f"This is no dataset in a known layout; known are: {known}. Look at what lies at its top: "
        "class names and label files must be there beside the pictures.",
        code="unknown_layout",
    )


def _lines(layout: str, found: ReadDataset, root: Path) -> Iterator[dict[str, Any]]:
    yield {"layout": layout, "about": found.about.model_dump(mode="json")}
    for record in found.records:
        labels = record.labels
        yield {
            "record": {
                "name": record.name,
                "file": record.file.relative_to(root).as_posix(),
                "labels": None if labels is None else labels.model_dump(mode="json"),
                "group": record.group,
                "split": record.split,
            }
        }
    for problem in found.problems:
        yield {
            "problem": {
                "file": problem.file,
                "line": problem.line,
                "code": problem.code,
                "reason": problem.reason,
                "fatal": problem.fatal,
            }
        }
