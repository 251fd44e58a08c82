"""``manage.py train report_gen --data DIR --out DIR``: a model from one's own studies.

DIR holds NIfTI files, zips or folders of DICOM, and CSV files in CT-RATE's layout; other names of
columns by ``mapping.json`` there, ``--mapping`` or ``--column``. Goes on from the shipped model
unless another or none is asked for. Runs without any service. With ``--name`` the model is
registered as a candidate, which needs the database. Exit status: 0 done, 2 refused, 130 cancelled.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from apps.report_gen.commands.evaluate import folder_of
from apps.report_gen.training.real.config import TrainingConfig
from apps.report_gen.training.real.mapping import MAPPING_FILE, read_mapping
from apps.report_gen.training.real.training import PROBLEMS, train_on
from loupe.contract.runtime.errors import Cancelled, InputRefused, LoupeError
from loupe.contract.runtime.reporting import ConsoleReporter, RecordingReporter
from loupe.contract.runtime.training import ARTEFACT, HISTORY, read_config
from loupe.host import commands, models
from loupe.host.people import SYSTEM, Project

SLUG = "report_gen"
MAKE = "apps.report_gen.artefact:copied"
DONE, REFUSED, CANCELLED = 0, 2, 130
FIELDS = ("steps", "batch", "rate", "insert", "phantoms", "pool", "evaluate_every", "device")


def main(argv: Sequence[str]) -> int:
    """Read, learn, measure, store, register; tell what came of it."""
    asked = _parser().parse_args(argv)
    screen = ConsoleReporter()
    screen.listen()
    try:
        project = _project(asked) if asked.name else None
        if not asked.data.is_dir():
            raise InputRefused(f"--data {asked.data} is no folder.")
        asked.out.mkdir(parents=True, exist_ok=True)
        own = asked.data / MAPPING_FILE
        mapping = asked.mapping or (own if own.is_file() else None)
        said = train_on(
            data=asked.data, out=asked.out, config=recipe(asked), seed=asked.seed,
            resume=asked.resume, base=folder_of(asked.base) if asked.base else None,
            reporter=RecordingReporter(screen, asked.out / HISTORY),
            columns=read_mapping(mapping, tuple(asked.column)),
        )  # fmt: skip
        if project is not None:
            said["registered"] = _register(asked, project)
    except Cancelled as error:
        print(error.message, file=sys.stderr)
        return CANCELLED
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return REFUSED
    if asked.json:
        print(json.dumps(said, ensure_ascii=False))
        return DONE
    value, low, high = said["test"]["macro_f1"]
    print(f"{said['use'].capitalize()}. {said['figures']}: macro-F1 {value} ({low} to {high}).")
    print(f"{said['left_out']} things were left out; {asked.out / PROBLEMS} lists them.")
    print(f"The model and its card are in {asked.out / ARTEFACT}.")
    if asked.name:
        one = said["registered"]
        print(f"{one['model']} version {one['version']} is registered as a {one['stage']}.")
    return DONE


def _project(asked: argparse.Namespace) -> Project:
    """Where the model is to be registered, looked up before hours are spent on training."""
    models.check_name(asked.name)
    commands.prepare_for(SLUG)
    return commands.project_named(asked.project)


def _register(asked: argparse.Namespace, project: Project) -> dict[str, Any]:
    """The model as a candidate; what was trained goes the way of any upload."""
    version = models.install_made(
        SYSTEM, project, SLUG, asked.name, MAKE, asked.out / ARTEFACT, filename=asked.name
    )
    return {"model": version.model.name, "version": version.number, "stage": version.stage}


def recipe(asked: argparse.Namespace) -> TrainingConfig:
    """The recipe of a file and of options.

    Raises:
        InputRefused: a value is not allowed; the message names the field.
    """
    given: dict[str, Any] = {}
    if asked.config is not None:
        given = read_config(asked.config, TrainingConfig).model_dump()
    said = {name: getattr(asked, name) for name in FIELDS}
    given |= {name: value for name, value in said.items() if value is not None}
    given |= {name: True for name in ("from_scratch", "toy") if getattr(asked, name)}
    if asked.text_encoder is not None:
        given["text_encoder"] = str(asked.text_encoder)
    if asked.cache is not None:
        given["cache"] = str(asked.cache)
    try:
        return TrainingConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputRefused(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}.", code="recipe_invalid"
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py train report_gen")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="", help="register the model as a candidate of this name")
    parser.add_argument("--project", help="its slug; not needed where there is only one")
    parser.add_argument("--base", help="a shipped model's name or a folder; else the shipped one")
    parser.add_argument("--from-scratch", action="store_true", help="begin with random weights")
    parser.add_argument("--toy", action="store_true", help="with --from-scratch: a tiny network")
    parser.add_argument("--mapping", type=Path, help="JSON: other names of columns")
    parser.add_argument("--column", action="append", default=[], metavar="NAME=COLUMN")
    parser.add_argument("--config", type=Path, help="a recipe as JSON")
    parser.add_argument("--cache", type=Path, help="folder for prepared volumes; else in --out")
    parser.add_argument(
        "--text-encoder", type=Path, help="folder of a Hugging Face model, in place of our own"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--insert", type=float, help="share of volumes that nodules are put into")
    parser.add_argument("--phantoms", type=float, help="share of steps on phantoms")
    parser.add_argument("--pool", type=int, help="phantoms that are made")
    parser.add_argument("--evaluate-every", type=int)
    parser.add_argument("--device")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser
