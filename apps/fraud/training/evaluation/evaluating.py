"""One artefact on the last days of other transactions: its panel and its predictions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from apps.fraud.features.catalogue import FLAT, catalogue
from apps.fraud.inference.embeddings import ENCODER
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.scheme import Scheme
from apps.fraud.training import table as tables
from apps.fraud.training.encoder import Encoder
from apps.fraud.training.figures import figures
from apps.fraud.training.panel import panel_of
from apps.fraud.training.plan import FLAT_TREES, GRAPH_TREES, KEPT, READY_TREES
from apps.fraud.training.predictions import write_predictions
from apps.fraud.training.report import tested
from apps.fraud.training.splitting import default_periods, split
from apps.fraud.training.table import Table
from apps.fraud.training.training import read_folder
from loupe.contract.runtime.errors import ModelRefused
from loupe.contract.runtime.panel import Panel
from loupe.contract.runtime.reporter import Reporter


def evaluate(*, artefact: Path, data: Path, out: Path, reporter: Reporter) -> Panel:
    """Measure on the test part of `data`, split as a training would; write the predictions.

    Raises:
        InputRefused: the data cannot be measured on.
        ModelRefused: the artefact cannot be read, or is of another scheme.
    """
    reporter.progress(0, 4, "reading")
    manifest = manifest_of(artefact)
    runner = ForestRunner(artefact, manifest)
    read = read_folder(data)
    reporter.progress(1, 4, "features")
    table = tables.build(scheme_of(manifest, read.scheme), read.columns)
    if missing := sorted(made_features(runner) - set(table.names)):
        raise ModelRefused(
            f"The model reads {missing[0]!r}, which the features of this scheme do not have. "
            "Measure it on transactions of the scheme it was trained for.",
            code="feature_missing",
        )
    parts = split(table, default_periods(table))
    reporter.progress(2, 4, "scoring")
    scores = scored(runner, values_of(runner, artefact, table, parts.test))
    reporter.progress(3, 4, "measuring")
    test = tested(table, parts, 0)
    flat = {one.name for one in catalogue(table.scheme, FLAT)}
    rung = FLAT_TREES if flat.issuperset(runner.model.features) else GRAPH_TREES
    rung = READY_TREES if runner.embeddings else rung
    row: dict[str, Any] = {"model": rung}
    for key, one in figures(test, scores).items():
        told = one.told()
        row[key], row[f"{key}_interval"] = told["value"], [told["low"], told["high"]]
    write_predictions(out, table, parts.test, scores)
    return panel_of({"ladder": [row], "serves": rung}, test.label, scores, data.name)


def made_features(runner: ForestRunner) -> set[str]:
    """The features that a model reads of transactions, without embeddings."""
    ready = runner.embeddings.names if runner.embeddings else ()
    return set(runner.model.features) - set(ready)


def values_of(
    runner: ForestRunner, artefact: Path, table: Table, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """[rows, features] of what a model reads; embeddings as they would have been ready.

    Raises:
        ModelRefused: the file that makes embeddings cannot be read.
    """
    if runner.embeddings is None:
        return table.columns(runner.model.features, rows)
    encoder = Encoder.read(artefact / ENCODER)
    ready = dict(zip(encoder.names, encoder.of_rows(table, rows, KEPT).T, strict=True))
    own = [name for name in runner.model.features if name not in ready]
    told = dict(zip(own, table.columns(own, rows).T, strict=True)) | ready
    return np.stack([told[name] for name in runner.model.features], axis=1)


def scored(runner: ForestRunner, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores as they are served."""
    margins = runner.margins(np.ascontiguousarray(values))
    return runner.scores(margins)


def manifest_of(artefact: Path) -> dict[str, Any]:
    """What an artefact says of itself.

    Raises:
        ModelRefused: there is no manifest, or it is no JSON.
    """
    try:
        told: dict[str, Any] = json.loads((artefact / "manifest.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ModelRefused(
            f"There is no valid manifest.json in {artefact}.", code="manifest_missing"
        ) from error
    return told


def scheme_of(manifest: dict[str, Any], proposed: Scheme) -> Scheme:
    """The scheme a model was trained for; where it tells none, that of the data.

    Raises:
        ModelRefused: what it tells is no scheme.
    """
    if not manifest.get("scheme"):
        return proposed
    try:
        return Scheme.model_validate(manifest["scheme"])
    except ValidationError as error:
        raise ModelRefused(
            f"The scheme of the manifest is not valid: {error.errors()[0]['msg']}.",
            code="scheme_invalid",
        ) from error
