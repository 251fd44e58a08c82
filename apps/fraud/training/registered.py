"""Models that exist already, measured on the rows that a ladder is measured on.

What is measured is the model as it serves: its forest and its calibration, on the features that its
own scheme makes of the given transactions.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apps.fraud.features.state import FeatureState
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.scheme import Scheme
from apps.fraud.training import table as tables
from apps.fraud.training.evaluation.evaluating import (
    made_features,
    manifest_of,
    scheme_of,
    scored,
    values_of,
)
from apps.fraud.training.figures import Test
from apps.fraud.training.report import FIGURES, row_of, tested
from apps.fraud.training.report_lines import cell, heading
from apps.fraud.training.splitting import Periods, Split, split
from apps.fraud.training.table import Table
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import ModelRefused

LADDER = "ladder.json"
"""Where an artefact tells what it learned from."""


@dataclass(frozen=True)
class Given:
    """A model by the name that its row gets, and the folder of its artefact."""

    name: str
    folder: Path


def measure_models(
    models: Sequence[Given], scheme: Scheme, events: Columns, periods: Callable[[Table], Periods],
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    """The rows of models alone, without learning a ladder.

    Args:
        scheme: that the data is taken for where a model tells none.
        periods: of the test.
        seed: of the draws.

    Raises:
        InputRefused: the data is too little.
        ModelRefused: see `rows_of`.
    """
    first = _scheme(models[0], scheme)
    table = tables.build(first, events)
    parts = split(table, periods(table))
    told = {
        name: datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
        for name, at in vars(parts.periods).items()
        if name != "delay"
    }
    label = table.label[parts.test]
    return {
        "ladder": rows_of(models, table, parts, events, seed),
        "rows": {"test": {"rows": len(label), "frauds": int((label == 1).sum())}},
        "periods": told,
    }


def rows_of(
    models: Sequence[Given], table: Table, parts: Split, events: Columns, seed: int
) -> list[dict[str, Any]]:
    """One row of each model, in the form of a ladder's, with `learned_to` and `seen`.

    Args:
        table: of the ladder, whose features are used where the model's scheme is the same.
        parts: of the ladder.
        events: the columns that the table was built from.
        seed: of the draws.

    Returns:
        JSON. ``seen`` is true where the model says that it learned from days of this test; null
        where it does not say what it learned from.

    Raises:
        ModelRefused: an artefact cannot be read, or needs columns or features that these
            transactions do not give.
    """
    test = tested(table, parts, seed)
    return [_row(one, table, parts, events, test) for one in models]


def _row(one: Given, table: Table, parts: Split, events: Columns, test: Test) -> dict[str, Any]:
    runner = ForestRunner(one.folder, manifest_of(one.folder))
    scheme = _scheme(one, table.scheme)
    there = made_features(runner)
    if scheme.sha256 != table.scheme.sha256 or there - set(table.names):
        names = FeatureState(scheme, mode="event_time").names
        if missing := sorted(there - set(names)):
            raise ModelRefused(
                f"The model {one.name} reads {missing[0]!r}, which the features of its scheme do "
                "not have. Measure it on transactions of the scheme it was trained for.",
                code="feature_missing",
            )
        table = tables.build(scheme, events)
    scores = scored(runner, values_of(runner, one.folder, table, parts.test))
    learned_to = _learned_to(one.folder)
    begins = datetime.fromtimestamp(parts.periods.test_from / 1000, UTC).date().isoformat()
    return {
        "model": one.name,
        "learned_to": learned_to,
        "seen": None if learned_to is None else learned_to > begins,
        **row_of(test, scores[None], scores),
    }


def _scheme(one: Given, otherwise: Scheme) -> Scheme:
    return scheme_of(manifest_of(one.folder), otherwise)


def _learned_to(folder: Path) -> str | None:
    """The day before which all that a model learned from happened; None: it does not say."""
    try:
        told = json.loads((folder / LADDER).read_bytes())["periods"]["train_to"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return told if isinstance(told, str) else None


def lines(said: dict[str, Any]) -> list[str]:
    """The report of models alone, for a terminal."""
    rows: dict[str, Any] = said["rows"]["test"]
    out = [
        "Test {test_from} to {test_to}: ".format(**said["periods"])
        + f"{rows['rows']:,} rows, {rows['frauds']} frauds.",
        "",
        heading(),
    ]
    for row in said["ladder"]:
        shown = "".join(cell(row[key], row[f"{key}_interval"]).rjust(24) for key in FIGURES)
        out += [f"{row['model'][:29]:<30}{shown}", *warnings(row)]
    return out


def warnings(row: dict[str, Any]) -> list[str]:
    """What has to be said beside a model's row."""
    if row["seen"]:
        return [f"  It learned from days before {row['learned_to']}: this test is not new to it."]
    if row["seen"] is None:
        return ["  It does not say what it learned from: this test may not be new to it."]
    return []
