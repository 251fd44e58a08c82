"""``manage.py import-dataset defect_detection --data DIR --name NAME``: a folder as a dataset.

Needs nothing but the database. Exit status: 0 all of it came in, 1 with problems that cost labels
(what could be used is there), 2 nothing came in.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.reporting import ConsoleReporter
from loupe.host import commands, datasets
from loupe.host.people import SYSTEM

SLUG = "defect_detection"
ALL, SOME, NOTHING = 0, 1, 2
SHOWN = 20


def main(argv: Sequence[str]) -> int:
    """Import, tell what came of it, and make a first version where one is asked for."""
    asked = _parser().parse_args(argv)
    reporter = ConsoleReporter()
    reporter.listen()
    try:
        commands.prepare_for(SLUG)
        project = commands.project_named(asked.project)
        options = datasets.Options(
            layout=asked.layout,
            group_by=asked.group_by,
            unlabelled="good" if asked.unlabelled_is_good else "",
        )
        dataset, found = datasets.import_named(
            SYSTEM, project, SLUG, asked.name, asked.data, options, reporter
        )
        said = _told(dataset, found)
        if asked.version:
            made = datasets.make_version(SYSTEM, dataset, seed=asked.seed)
            said["version"] = {"number": made.number, "sha256": made.manifest_id, **made.counts}
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return NOTHING
    print(json.dumps(said, ensure_ascii=False) if asked.json else "\n".join(_lines(said)))
    return SOME if said["fatal"] else ALL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"manage.py import-dataset {SLUG}")
    parser.add_argument("--data", type=Path, required=True, help="a folder in a known layout")
    parser.add_argument("--name", required=True, help="the dataset; it is made where there is none")
    parser.add_argument("--project", help="its slug; not needed where there is only one")
    parser.add_argument("--layout", default="", help="yolo, coco, voc or pictures; else recognised")
    parser.add_argument(
        "--group-by",
        default="",
        metavar="RULE",
        help="the lot, board or part from names: folder, first:5 or before:_",
    )
    parser.add_argument(
        "--unlabelled-is-good",
        action="store_true",
        help="pictures without a label file are free of defects, not still to be labelled",
    )
    parser.add_argument("--version", action="store_true", help="make a version of it as well")
    parser.add_argument("--seed", type=int, default=0, help="of that version's split")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser


def _told(dataset: datasets.Dataset, found: datasets.Import) -> dict[str, Any]:
    problems = found.problems.order_by("-fatal", "pk")
    return {
        "dataset": dataset.name,
        "project": dataset.project.slug,
        "layout": found.layout,
        **found.counts,
        "listed": [
            {
                "file": each.file,
                "line": each.line,
                "code": each.code,
                "reason": each.reason,
                "fatal": each.fatal,
            }
            for each in problems
        ],
    }


def _lines(said: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{said['dataset']} ({said['layout']}): {said['added']} records added, {said['labelled']} "
        f"of them labelled; {said['relabelled']} got labels; {said['unchanged']} were there."
    )
    if said["alike"]:
        yield f"{said['alike']} records are near-duplicates of others; versions keep them together."
    for each in said["listed"][:SHOWN]:
        place = f"{each['file']}:{each['line']}" if each["line"] else each["file"]
        yield f"{'error' if each['fatal'] else 'warning'}: {place}: {each['reason']}"
    if len(said["listed"]) > SHOWN:
        yield f"{len(said['listed']) - SHOWN} more; --json lists all, and so does the page."
    if "version" in said:
        splits = said["version"]["splits"]
        shares = ", ".join(f"{name} {each['records']}" for name, each in splits.items())
        yield f"Version {said['version']['number']}: {shares}."
