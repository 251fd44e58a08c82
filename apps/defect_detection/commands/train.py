"""``manage.py train defect_detection --data DIR --name NAME``: a folder becomes a candidate model.

Needs nothing but the database: the folder is imported as a dataset, a version of it is made, and
the training runs as one that was started on the page. Exit status: 0 the candidate is registered,
2 it was refused or failed, 130 it was cancelled.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.defect_detection.commands.models import SLUG, version_named
from loupe.contract.runtime.errors import Cancelled, InputRefused, LoupeError
from loupe.contract.runtime.reporting import ConsoleReporter
from loupe.host import commands, datasets, trainings
from loupe.host.evaluations import evaluations
from loupe.host.people import SYSTEM, Project

DONE, REFUSED, CANCELLED = 0, 2, 130
FIELDS = ("architecture", "epochs", "minutes", "image_size", "batch", "patience", "serve", "device")


def main(argv: Sequence[str]) -> int:
    """Import, freeze, train, register; tell what came of it."""
    asked = _parser().parse_args(argv)
    reporter = ConsoleReporter()
    reporter.listen()
    try:
        commands.prepare_for(SLUG)
        project = commands.project_named(asked.project)
        config = _config(asked)
        base = version_named(project, asked.base) if asked.base else None
        version = _data(project, asked, reporter)
        run = trainings.train_here(
            SYSTEM,
            project,
            reporter,
            app=SLUG,
            model_name=asked.name,
            dataset_version=version,
            config=config,
            base=base,
            seed=asked.seed,
        )
        said = _told(run, project)
    except Cancelled as error:
        print(error.message, file=sys.stderr)
        return CANCELLED
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return REFUSED
    print(json.dumps(said, ensure_ascii=False) if asked.json else _sentence(said))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"manage.py train {SLUG}")
    parser.add_argument("--data", type=Path, required=True, help="a folder in a known layout")
    parser.add_argument("--name", required=True, help="the model; a known one gets a new version")
    parser.add_argument("--project", help="its slug; not needed where there is only one")
    parser.add_argument("--dataset", default="", help="the dataset's name; default: the model's")
    parser.add_argument("--base", default="", metavar="MODEL", help="start from it: NAME or NAME@3")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--config", type=Path, help="a recipe as JSON; docs/training.md lists it")
    parser.add_argument("--architecture", help="yolo11n to yolo11x, yolo26n to yolo26x")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--patience", type=int)
    parser.add_argument("--serve", help="auto, onnx or int8")
    parser.add_argument("--device", help="cpu, cuda or cuda:1")
    parser.add_argument("--group-by", default="", metavar="RULE", help="folder, first:5, before:_")
    parser.add_argument(
        "--unlabelled-is-good",
        action="store_true",
        help="pictures without a label file are free of defects, not still to be labelled",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a line")
    return parser


def _config(asked: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if asked.config is not None:
        try:
            given = dict(json.loads(asked.config.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise InputRefused(f"The recipe {asked.config} cannot be read: {error}.") from error
    said = {name: getattr(asked, name) for name in FIELDS}
    return given | {name: value for name, value in said.items() if value is not None}


def _data(
    project: Project, asked: argparse.Namespace, reporter: ConsoleReporter
) -> datasets.DatasetVersion:
    """The folder as a version of a dataset."""
    name = asked.dataset or asked.name
    options = datasets.Options(
        group_by=asked.group_by, unlabelled="good" if asked.unlabelled_is_good else ""
    )
    dataset, found = datasets.import_named(
        SYSTEM, project, SLUG, name, asked.data, options, reporter
    )
    for problem in found.problems.order_by("-fatal", "pk")[:10]:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        kind = "error" if problem.fatal else "warning"
        print(f"{kind}: {place}: {problem.reason}", file=sys.stderr)
    dataset.refresh_from_db()
    return datasets.make_version(SYSTEM, dataset, seed=asked.seed)


def _told(run: trainings.Run, project: Project) -> dict[str, Any]:
    version = run.version
    if version is None:
        raise LoupeError("The training is done, but no version came of it.")
    found = evaluations(version, project).filter(run=run, serving=True).first()
    figures = {each["key"]: each["value"] for each in found.panel["figures"]} if found else {}
    return {
        "model": version.model.name,
        "version": version.number,
        "stage": version.stage,
        "sha256": version.artefact_sha256,
        "dataset": str(run.dataset_version),
        "run": str(run.pk),
        **figures,
    }


def _sentence(said: dict[str, Any]) -> str:
    shown = ", ".join(
        f"{name} {said[name]:.3f}"
        for name in ("map50", "map50_95", "escape", "overkill")
        if said.get(name) is not None
    )
    return (
        f"{said['model']} version {said['version']} is registered as a {said['stage']}, trained on "
        f"{said['dataset']}: {shown}. Promote it on its page, or by REST."
    )
