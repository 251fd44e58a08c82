"""``manage.py train fraud --data FILE …``: files of transactions become a model and its measure.

Runs without any service. With ``--name`` the model is registered as a candidate, which needs the
database. Exit status: 0 done, 2 refused, 130 cancelled.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from apps.fraud.tables.starts import ANY, ANY_START, start_of
from apps.fraud.training import reading
from apps.fraud.training.config import TrainingConfig
from apps.fraud.training.plan import SERVABLE
from apps.fraud.training.report_lines import lines
from apps.fraud.training.training import BUNDLE, read_folder, train_on
from loupe.contract.runtime.errors import Cancelled, InputRefused, LoupeError
from loupe.contract.runtime.reporting import ConsoleReporter
from loupe.contract.runtime.training import read_config
from loupe.host import commands, models
from loupe.host.people import SYSTEM

SLUG = "fraud"
MAKE = "apps.fraud.inference.uploads:check_artefact"
DONE, REFUSED, CANCELLED = 0, 2, 130
FIELDS = (
    "test_days", "train_days", "seeds", "network_seeds", "network_epochs", "most_rows",
    "network_rows", "serves",
)  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Read, guard, climb the ladder, write, register; tell what came of it."""
    asked = _parser().parse_args(argv)
    reporter = ConsoleReporter()
    reporter.listen()
    try:
        if asked.name:
            models.check_name(asked.name)
        config = recipe(asked)
        read = read_data(asked)
        with tempfile.TemporaryDirectory() as scratch:
            out = asked.out or Path(scratch)
            out.mkdir(parents=True, exist_ok=True)
            said = train_on(
                read, out, config, asked.seed, reporter,
                dataset=", ".join(one.name for one in asked.data)[:200],
            )  # fmt: skip
            if asked.name:
                said["registered"] = _register(asked, out / BUNDLE)
    except Cancelled as error:
        print(error.message, file=sys.stderr)
        return CANCELLED
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return REFUSED
    if asked.json:
        print(json.dumps(said, ensure_ascii=False))
        return DONE
    print("\n".join(lines(said)))
    if asked.out:
        print(f"The model, its card and its figures are in {asked.out}.")
    if asked.name:
        one = said["registered"]
        print(f"{one['model']} version {one['version']} is registered as a {one['stage']}.")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"manage.py train {SLUG}")
    add_data(parser)
    parser.add_argument("--out", type=Path, help="folder for artefact, panel and figures")
    parser.add_argument("--name", default="", help="register the model as a candidate of this name")
    parser.add_argument("--project", help="its slug; not needed where there is only one")
    parser.add_argument(
        "--config", type=Path, help="a recipe as JSON: fields of apps/fraud/training/config.py"
    )
    add_recipe(parser)
    return parser


def add_data(parser: argparse.ArgumentParser) -> None:
    """The options that say what is read."""
    parser.add_argument(
        "--data", type=Path, required=True, nargs="+", metavar="FILE",
        help="CSV, JSON lines, Parquet or Arrow, or one folder of them",
    )  # fmt: skip
    parser.add_argument("--mapping", type=Path, help="JSON: what the columns mean; else guessed")
    parser.add_argument(
        "--start",
        help="when a column that counts time was 0: 2026-01-01, or 'hours since 2026-01-01' where "
        f"the unit is not plain; {ANY}: {ANY_START:%A, %Y-%m-%d}, where only differences count",
    )
    parser.add_argument("--scheme", type=Path, help="JSON: entities and attributes; else proposed")


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """The options that say how it is learned."""
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, help="models of each rung; 5")
    parser.add_argument("--network-seeds", type=int, help="models of the graph network; 1")
    parser.add_argument("--network-epochs", type=int, help="of the graph network; 24")
    parser.add_argument("--test-days", type=int, help="days at the end that measure")
    parser.add_argument("--train-days", type=int, help="days to learn from")
    parser.add_argument("--most-rows", type=int, help="rows that trees learn from")
    parser.add_argument("--network-rows", type=int, help="rows that the graph network learns from")
    parser.add_argument(
        "--serves", choices=("best", *SERVABLE), help="which rung becomes the model; best"
    )
    parser.add_argument(
        "--without-network", action="store_true", help="leave the graph network out: much quicker"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")


def recipe(asked: argparse.Namespace) -> TrainingConfig:
    """The recipe of a file and of options.

    Raises:
        InputRefused: a value is not allowed; the message names the field.
    """
    require_least(asked, seed=0)
    given: dict[str, Any] = {}
    if getattr(asked, "config", None) is not None:
        given = read_config(asked.config, TrainingConfig).model_dump()
    said = {name: getattr(asked, name) for name in FIELDS}
    given |= {name: value for name, value in said.items() if value is not None}
    if asked.without_network:
        given["network"] = False
    try:
        return TrainingConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputRefused(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}.", code="recipe_invalid"
        ) from error


def require_least(asked: argparse.Namespace, **least: int) -> None:
    """Refuse numbers of the command line that are smaller than they may be.

    Raises:
        InputRefused: one is; the message names the option and its value.
    """
    for name, smallest in least.items():
        value = getattr(asked, name)
        if value is not None and value < smallest:
            raise InputRefused(
                f"--{name} is {value}; give {smallest} or more.", code="recipe_invalid"
            )


def read_data(asked: argparse.Namespace) -> reading.Read:
    """What ``--data`` names; says on the error stream what is counted since when.

    Raises:
        InputRefused: it cannot be read.
    """
    start = None if asked.start is None else start_of(asked.start, any_allowed=True)
    if len(asked.data) == 1 and asked.data[0].is_dir():
        read = read_folder(asked.data[0], start)
    else:
        read = reading.read(
            asked.data,
            scheme=reading.scheme_of(asked.scheme) if asked.scheme else None,
            mapping=reading.mapping_of(asked.mapping) if asked.mapping else None,
            start=start,
        )
    for told in read.starts:
        print(f"{told}.", file=sys.stderr, flush=True)
    return read


def _register(asked: argparse.Namespace, bundle: Path) -> dict[str, Any]:
    """The model as a candidate; what was trained goes the way of any upload."""
    commands.prepare_for(SLUG)
    project = commands.project_named(asked.project)
    version = models.install_made(SYSTEM, project, SLUG, asked.name, MAKE, bundle)
    return {"model": version.model.name, "version": version.number, "stage": version.stage}
