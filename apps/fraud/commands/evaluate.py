"""``manage.py evaluate fraud --data FILE``: the ladder on transactions or on an attributed graph.

Transactions (CSV, JSON lines, Parquet, Arrow) are split by time; every rung learns and is measured
in one run. The Handbook's file is known by its weeks: its published row is learned anew beside the
ladder. A graph is an ``.npz`` with `node_features`, `node_labels`, `edges`, `train_masks`,
`val_masks`, `test_masks`, or a folder of parquet tables. Needs no service and no database. Exit
status: 0 measured, 2 refused.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from apps.fraud.commands.train import add_data, add_recipe, read_data, recipe
from apps.fraud.training import handbook, splitting
from apps.fraud.training.attributed import measuring as graphs
from apps.fraud.training.attributed.reading import is_graph, read_graph
from apps.fraud.training.keeping import Keeping
from apps.fraud.training.measuring import measure, measure_handbook
from apps.fraud.training.report import lines
from apps.fraud.training.table import Table
from apps.fraud.training.training import plan_of
from loupe.contract.runtime.errors import LoupeError

DONE, REFUSED = 0, 2


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    asked = _parser().parse_args(argv)
    try:
        if len(asked.data) == 1 and is_graph(asked.data[0]):
            said = _graph(asked, asked.data[0])
            shown = graphs.lines(said)
        else:
            said = _transactions(asked)
            shown = lines(said)
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
    return parser


def _graph(asked: argparse.Namespace, path: Path) -> dict[str, Any]:
    plan = graphs.GraphPlan(
        seeds=asked.seeds or 5,
        seed=asked.seed,
        epochs=asked.epochs,
        networks=not asked.without_network,
    )
    return graphs.measure_graph(read_graph(path), plan, _Screen())


def _transactions(asked: argparse.Namespace) -> dict[str, Any]:
    config = recipe(asked)
    read = read_data(asked)
    plan, screen = plan_of(config, asked.seed), _Screen()
    # The number of seeds is left out: more of them go on from those that are there.
    same = replace(plan, seeds=1, network_seeds=1, network_rows=config.network_rows)
    told = f"{config.test_days} {config.train_days} {config.drop_known} {asked.handbook}"
    keeping = Keeping(asked.keep, f"{read.sha256} {told} {same}")
    known = handbook.covers(read.scheme, read.columns["event_time"])
    if asked.handbook == "yes" or (asked.handbook == "auto" and known):
        said = measure_handbook(read.columns, plan, screen, keeping)[0]
    else:

        def periods(table: Table) -> splitting.Periods:
            return splitting.default_periods(
                table, train_days=config.train_days, test_days=config.test_days
            )

        said = measure(
            read.scheme, read.columns, plan, periods=periods, beat=screen, keeping=keeping
        )[0]
    said["data"] = {
        "rows": len(read.columns["event_time"]),
        "refused": read.refused,
        "sha256": read.sha256,
    }
    return said


class _Screen:
    """Tells a person what is being done, each thing once."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, note: str) -> None:
        if note != self._last:
            self._last = note
            print(f"{note} …", file=sys.stderr, flush=True)
