"""Trains a fraud model as the host or a person asks: data, guard, ladder, artefact, figures."""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import GRAPH
from apps.fraud.inference.bundle import pack
from apps.fraud.tables.starts import Start
from apps.fraud.training import artefact, reading
from apps.fraud.training import table as tables
from apps.fraud.training.bundles import read_bundle
from apps.fraud.training.calibrating import calibrate
from apps.fraud.training.canaries import guard
from apps.fraud.training.card import model_card
from apps.fraud.training.config import TrainingConfig
from apps.fraud.training.cutoffs import first_band
from apps.fraud.training.gnn import GnnRecipe
from apps.fraud.training.keeping import Keeping
from apps.fraud.training.ladder import Climbed, climb
from apps.fraud.training.panel import panel_of
from apps.fraud.training.plan import SERVABLE, Plan
from apps.fraud.training.predictions import write_predictions
from apps.fraud.training.reading import Read
from apps.fraud.training.report import report
from apps.fraud.training.splitting import default_periods, split
from apps.fraud.training.table import Table
from apps.fraud.training.timing import Timing
from loupe.contract.runtime import bundle
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.runtime.training import ARTEFACT, CHECKPOINT, write_panel

ENDINGS = (".csv", ".tsv", ".ndjson", ".jsonl", ".parquet", ".arrow", ".arrows", ".feather")
SCHEME, MAPPING, BUNDLE = "scheme.json", "mapping.json", "model.json"
STEPS = 9
"""Of the bar: features, guard, neighbours, five rungs, the network."""


def train(
    *,
    data: Path,
    out: Path,
    config: TrainingConfig,
    seed: int,
    resume: bool,
    base: Path | None,
    reporter: Reporter,
) -> None:
    """Train and write what `loupe.contract.runtime.training` asks for below `out`.

    `data` holds tables of transactions, and may hold ``scheme.json`` and ``mapping.json``. The
    work takes minutes: each model is kept in ``checkpoint/``, and with `resume` those that are
    there are not learned again. `base` is not needed, since trees learn from all the data each
    time.

    Raises:
        InputRefused: the data cannot be learned from, or a feature leaks.
        Cancelled: somebody asked for it.
    """
    reporter.progress(0, 1, "reading")
    if not resume:
        shutil.rmtree(out / CHECKPOINT, ignore_errors=True)
    train_on(read_folder(data), out, config, seed, reporter, dataset=data.name)


def read_folder(data: Path, start: Start | None = None) -> Read:
    """What the host gathered, or the tables of a folder in order of their names.

    Args:
        start: as of `reading.read`; what the host gathered brings its own.

    Raises:
        InputRefused: there is none, or one cannot be read.
    """
    if bundle.is_bundle(data):
        if start is not None:
            raise InputRefused(
                f"{data} was gathered by Loupe and says itself when its times start; leave the "
                "start out.",
                code="start_unused",
            )
        return read_bundle(data)
    files = sorted(one for one in data.iterdir() if one.suffix.lower() in ENDINGS)
    if not files:
        raise InputRefused(
            f"{data} has no table; put files there that end in {', '.join(ENDINGS)}.",
            code="no_file",
        )
    scheme, mapping = data / SCHEME, data / MAPPING
    return reading.read(
        files,
        scheme=reading.scheme_of(scheme) if scheme.is_file() else None,
        mapping=reading.mapping_of(mapping) if mapping.is_file() else None,
        start=start,
    )


def plan_of(config: TrainingConfig, seed: int) -> Plan:
    """The ladder's work for a recipe."""
    return Plan(
        seeds=config.seeds,
        network_seeds=config.network_seeds,
        most_rows=config.most_rows,
        network_rows=config.network_rows if config.network else 0,
        servable=SERVABLE if config.serves == "best" else (config.serves,),
        gnn=GnnRecipe(epochs=config.network_epochs),
        seed=seed,
    )


def train_on(
    read: Read,
    out: Path,
    config: TrainingConfig,
    seed: int,
    reporter: Reporter,
    *,
    dataset: str,
    name: str = "",
    source: str = "",
    servable: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Climb the ladder on what was read, write artefact, panel and predictions; return the report.

    Args:
        servable: rungs of which the best on the validation becomes the artefact; none: those that
            the recipe names.

    Raises:
        InputRefused: see `train`.
    """
    for problem in read.problems:
        print(f"left out: {problem}", file=sys.stderr, flush=True)
    done = [0]

    def beat(note: str) -> None:
        done[0] += 1
        reporter.progress(min(0.95, 0.1 + 0.85 * (1 - 1 / (1 + done[0] / STEPS))), 1, note)

    timing = Timing()
    beat("features")
    with timing.part("features"):
        table = tables.build(read.scheme, read.columns, GRAPH)
    beat("guard against leaks")
    with timing.part("guard"):
        quiet = guard(table, seed=seed)
    periods = default_periods(table, train_days=config.train_days, test_days=config.test_days)
    parts = split(table, periods, drop_known=config.drop_known)
    told: list[int] = []

    def tell(values: Mapping[str, float]) -> None:
        told.append(int(values["step"]))
        reporter.metrics({**values, "step": told[-1]})

    plan = plan_of(config, seed)
    plan = replace(plan, servable=servable) if servable else plan
    keeping = Keeping(out / CHECKPOINT, f"{read.sha256} {config.model_dump_json()} {plan}")
    climbed = climb(table, parts, plan, beat, tell=tell, keeping=keeping)
    beat("measuring")
    with timing.part("measuring"):
        said = {"canaries": quiet.told(), **report(table, climbed, seed)}
    said["seconds"] = timing.with_rungs(climbed.seconds)
    said["data"] = {"rows": len(table), "refused": read.refused, "sha256": read.sha256}
    scores = _write(read, out, table, climbed, said, seed, dataset, name, source)
    write_predictions(out, table, parts.test, scores)
    write_panel(out, panel_of(said, table.label[parts.test], scores, dataset))
    (out / "ladder.json").write_text(json.dumps(said, ensure_ascii=False) + "\n")
    reporter.progress(1, 1, "done")
    return said


def _write(
    read: Read,
    out: Path,
    table: Table,
    climbed: Climbed,
    said: dict[str, Any],
    seed: int,
    dataset: str,
    name: str,
    source: str,
) -> NDArray[np.float64]:
    """The artefact; returns the served model's scores of the test."""
    parts = climbed.split
    curve, kind = calibrate(climbed.validation[climbed.serves], table.label[parts.validation])
    margins = climbed.scores[climbed.serves][0]
    scores = curve(margins.astype(np.float32))
    encoder = climbed.network.encoder() if climbed.network else None
    values = table.columns([name for name in climbed.names if name in table.names], parts.test)
    if climbed.network is not None:
        values = np.concatenate([values, climbed.network.embeddings(parts.test)[1]], axis=1)
    artefact.write(
        out / ARTEFACT,
        booster=climbed.served,
        features=climbed.names,
        scheme=table.scheme,
        calibration=curve,
        calibrated_by=kind,
        said=said,
        reference=artefact.reference_of(values, climbed.names, scores),
        operating_point={"bands": [first_band(table.label[parts.test], scores)]},
        card=model_card(
            f"Fraud model {name}" if name else f"Fraud model from {dataset}",
            source
            or f"{len(table):,} transactions of {dataset}; {read.refused:,} rows could not be "
            "used.",
            said,
            len(climbed.names),
        ),
        data_sha256=read.sha256,
        seed=seed,
        name=name,
        encoder=encoder,
    )
    pack(out / ARTEFACT, out / BUNDLE)
    return scores
