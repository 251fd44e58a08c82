"""``manage.py evaluate fraud --data FILE``: the ladder on transactions or on an attributed graph.

Transactions (CSV, JSON lines, Parquet, Arrow) are split by time; every rung learns and is measured
in one run. The Handbook's file is known by its weeks: its published row is learned anew beside the
ladder. A graph is an ``.npz`` with `node_features`, `node_labels`, `edges`, `train_masks`,
`val_masks`, `test_masks`, or a folder of parquet tables. Needs no service and no database. Exit
status: 0 measured, 2 refused.

``--model NAME`` adds the row of a model that ``train fraud --name NAME`` registered (this needs a
database), or of the folder of an artefact; ``--only-models`` leaves the ladder out.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from apps.fraud.commands.named import folder_of
from apps.fraud.commands.train import add_data, add_recipe, read_data, recipe, require_least
from apps.fraud.training import handbook, splitting
from apps.fraud.training.attributed import measuring as graphs
from apps.fraud.training.attributed.reading import is_graph, read_graph
from apps.fraud.training.config import TrainingConfig
from apps.fraud.training.keeping import Keeping
from apps.fraud.training.measuring import measure, measure_handbook
from apps.fraud.training.plan import Plan
from apps.fraud.training.reading import Read
from apps.fraud.training.registered import Given, measure_models, rows_of, warnings
from apps.fraud.training.registered import lines as lines_of_models
from apps.fraud.training.report_lines import lines
from apps.fraud.training.table import Table
from apps.fraud.training.training import plan_of
from loupe.contract.runtime.errors import InputRefused, LoupeError

DONE, REFUSED = 0, 2


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    asked = _parser().parse_args(argv)
    try:
        if len(asked.data) == 1 and is_graph(asked.data[0]):
            said = _graph(asked, asked.data[0])
            shown = graphs.lines(said)
        else:
            said, shown = _transactions(asked)
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return REFUSED
    print(json.dumps(said, ensure_ascii=False) if asked.json else "\n".join(shown))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py evaluate fraud")
    add_data(parser)
    add_recipe(parser)
    parser.add_argument(
        "--handbook", choices=("auto", "yes", "no"), default="auto",
        help="the Handbook's week beside its published row; auto: where its weeks are in the file",
    )  # fmt: skip
    parser.add_argument("--epochs", type=int, default=200, help="of the networks on a graph")
    parser.add_argument(
        "--keep", type=Path,
        help="folder for each model as it is learned: the same command goes on where it was",
    )  # fmt: skip
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME",
        help="a row of this registered model too: the version in production, else the newest; "
        "NAME@3; or the folder of an artefact. May be given several times",
    )  # fmt: skip
    parser.add_argument("--project", help="of --model; not needed where there is only one")
    parser.add_argument(
        "--only-models", action="store_true", help="the rows of --model, without the ladder"
    )
    return parser


def _graph(asked: argparse.Namespace, path: Path) -> dict[str, Any]:
    require_least(asked, seed=0, seeds=1, epochs=1)
    plan = graphs.GraphPlan(
        seeds=5 if asked.seeds is None else asked.seeds,
        seed=asked.seed,
        epochs=asked.epochs,
        networks=not asked.without_network,
    )
    return graphs.measure_graph(read_graph(path), plan, _Screen())


def _transactions(asked: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """What was measured, and the same in lines."""
    if asked.only_models and not asked.model:
        raise InputRefused(
            "--only-models leaves the ladder out, and no model is named; add --model NAME.",
            code="no_model",
        )
    config = recipe(asked)
    models = [Given(name, folder_of(name, asked.project)) for name in asked.model]
    read = read_data(asked)
    for problem in read.problems:
        print(f"left out: {problem}", file=sys.stderr, flush=True)
    if read.refused > len(read.problems):
        print(f"{read.refused:,} rows in all were left out.", file=sys.stderr, flush=True)
    known = handbook.covers(read.scheme, read.columns["event_time"])
    the_week = asked.handbook == "yes" or (asked.handbook == "auto" and known)

    def periods(table: Table) -> splitting.Periods:
        if the_week:
            return handbook.LONG
        return splitting.default_periods(
            table, train_days=config.train_days, test_days=config.test_days
        )

    if asked.only_models:
        scheme = handbook.SCHEME if the_week else read.scheme
        said = measure_models(models, scheme, read.columns, periods, asked.seed)
        shown = lines_of_models(said)
    else:
        plan, screen = plan_of(config, asked.seed), _Screen()
        keeping = _keeping(asked, config, read, plan)
        if the_week:
            said, table, climbed = measure_handbook(read.columns, plan, screen, keeping)
        else:
            said, table, climbed = measure(
                read.scheme, read.columns, plan, periods=periods, beat=screen, keeping=keeping
            )
        rows = rows_of(models, table, climbed.split, read.columns, asked.seed)
        said["ladder"] += rows
        shown = lines(said) + [line for row in rows for line in warnings(row)]
    said["data"] = {
        "rows": len(read.columns["event_time"]),
        "refused": read.refused,
        "sha256": read.sha256,
        "starts": list(read.starts),
    }
    return said, shown


def _keeping(asked: argparse.Namespace, config: TrainingConfig, read: Read, plan: Plan) -> Keeping:
    # The number of seeds is left out: more of them go on from those that are there.
    same = replace(plan, seeds=1, network_seeds=1, network_rows=config.network_rows)
    told = f"{config.test_days} {config.train_days} {config.drop_known} {asked.handbook}"
    return Keeping(asked.keep, f"{read.sha256} {told} {same}{''.join(read.starts)}")


class _Screen:
    """Tells a person what is being done, each thing once."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, note: str) -> None:
        if note != self._last:
            self._last = note
            print(f"{note} …", file=sys.stderr, flush=True)
