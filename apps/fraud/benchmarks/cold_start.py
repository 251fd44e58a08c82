"""``manage.py bench fraud-cold-start``: what helps with payers of fewer than five earlier payments.

Several banks are simulated. In each the same trees learn from the same rows of all payers, with and
without what is meant for strangers, and are asked about the strangers of its last days:

    untreated   neither priors nor neighbours' aggregates
    mixed       and the one prior that is mixed by the length of history, as a feature
    priors      and all priors
    all         and the neighbours' aggregates: the features of the rung that serves
    often       as priors; rows of strangers are learned from four times

Scores of a bank become ranks among its honest strangers, so that banks can be told together. Gains
are over the untreated trees, with intervals from draws of whole payers.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import GRAPH, catalogue
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.simulator import SimulatorConfig, simulate
from apps.fraud.training import table as tables
from apps.fraud.training.cold_start import BELOW, PRIORS, UNTREATED, treatments
from apps.fraud.training.intervals import Draws, intervals, paired_gains
from apps.fraud.training.metrics import Counts, Drawn, average_precision, recall_at_fpr
from apps.fraud.training.rungs import Learning, learn_trees
from apps.fraud.training.splitting import default_periods, split, thinned
from apps.fraud.training.table import Table

MIXED, OFTEN, ALL = "mixed", "often", "all"
KINDS = ("untreated", MIXED, "priors", ALL, OFTEN)
TIMES = 4
BUDGET = 0.005
"""Of honest strangers that may be stopped."""
TREES = 200
RATE = 0.08
"""Payments of a customer a day: in two months many have fewer than five."""
Floats = NDArray[np.float64]


def recall(counts: Counts | Drawn) -> float:
    """Of the frauds, where `BUDGET` of the honest rows are stopped."""
    return recall_at_fpr(counts, BUDGET)


MEASURES = {"average_precision": average_precision, "recall_at_budget": recall}


def run(populations: int, customers: int, days: int, seed: int, most_rows: int) -> dict[str, Any]:
    """Figures by kind, of all banks together, and gains over the untreated trees."""
    begun = time.monotonic()
    labels, payers = [], []
    scores: dict[str, list[Floats]] = {kind: [] for kind in KINDS}
    for bank in range(seed, seed + populations):
        print(f"bank {bank} …", file=sys.stderr, flush=True)
        label, payer, found = _bank(bank, customers, days, most_rows)
        labels.append(label)
        payers.append(np.char.add(f"{bank}:", payer))
        for kind in KINDS:
            scores[kind].append(_ranks(found[kind], label))
    label, payer = np.concatenate(labels), np.concatenate(payers)
    told = {kind: np.concatenate(each) for kind, each in scores.items()}
    draws = Draws.of(payer, seed)
    rows: dict[str, dict[str, Any]] = {}
    for kind, each in told.items():
        rows[kind] = {
            name: one.told() for name, one in intervals(label, each, draws, MEASURES).items()
        }
        if kind != "untreated":
            gains = paired_gains(label, each, told["untreated"], draws, MEASURES)
            rows[kind]["gain"] = {name: one.told() for name, one in gains.items()}
    return {
        "banks": populations, "rows": len(label), "frauds": int((label == 1).sum()),
        "below": BELOW, "budget": BUDGET, "kinds": rows,
        "seconds": round(time.monotonic() - begun, 1),
    }  # fmt: skip


def _bank(
    seed: int, customers: int, days: int, most_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.str_], dict[str, Floats]]:
    """Labels, payers and margins by kind of the strangers in one bank's test."""
    config = SimulatorConfig(customers=customers, days=days, rate=RATE, fraud_share=0.02)
    table = tables.build(CARD_PAYMENTS, dict(simulate(config, seed)), GRAPH)
    parts = split(table, default_periods(table))
    asked = parts.test[table.history[parts.test] < BELOW]
    features = catalogue(CARD_PAYMENTS, GRAPH)
    without = treatments(features)
    names = {
        "untreated": without[UNTREATED],
        MIXED: (*without[UNTREATED], "prior_mixed"),
        "priors": without[PRIORS],
        ALL: tuple(one.name for one in features),
        OFTEN: without[PRIORS],
    }
    rows = thinned(table, parts.train, most_rows, seed)
    told = {kind: _margins(table, rows, asked, names[kind], kind, seed) for kind in KINDS}
    return table.label[asked], table.payer[asked], told


def _margins(
    table: Table,
    taught: tuple[NDArray[np.int64], NDArray[np.float32]],
    asked: NDArray[np.int64],
    names: tuple[str, ...],
    kind: str,
    seed: int,
) -> Floats:
    rows, weight = taught
    if kind == OFTEN:
        more = np.tile(np.flatnonzero(table.history[rows] < BELOW), TIMES - 1)
        rows, weight = np.concatenate([rows, rows[more]]), np.concatenate([weight, weight[more]])
    learned = learn_trees(
        Learning(
            values=table.columns(names, rows),
            label=table.label[rows],
            weight=weight,
            names=names,
            seed=seed,
            chosen={"trees": float(TREES)},
        )
    )
    return learned.predict(table.columns(names, asked))


def _ranks(margins: Floats, label: NDArray[np.int64]) -> Floats:
    """The share of honest rows below each; equal ones count half."""
    honest = np.sort(margins[label == 0])
    low = np.searchsorted(honest, margins, side="left")
    high = np.searchsorted(honest, margins, side="right")
    return (low + high) / (2.0 * max(1, len(honest)))


def lines(said: dict[str, Any]) -> list[str]:
    """The report for a terminal."""
    out = [
        f"{said['banks']} simulated banks: {said['rows']:,} payments of payers with fewer than "
        f"{said['below']} earlier ones, {said['frauds']} frauds.",
        f"{'':<12}{'average precision':>28}{'recall at ' + format(said['budget'], '.1%'):>28}",
    ]
    for kind, row in said["kinds"].items():
        out.append(f"{kind:<12}" + "".join(_cell(row[name]).rjust(28) for name in MEASURES))
        if "gain" in row:
            cells = (_cell(row["gain"][name], sign="+").rjust(28) for name in MEASURES)
            out.append(f"{'  gain':<12}" + "".join(cells))
    return out


def _cell(told: dict[str, float], sign: str = "") -> str:
    return f"{told['value']:{sign}.3f} ({told['low']:{sign}.3f} to {told['high']:{sign}.3f})"


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="manage.py bench fraud-cold-start")
    parser.add_argument("--populations", type=int, default=6)
    parser.add_argument("--customers", type=int, default=8_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--most-rows", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    said = run(asked.populations, asked.customers, asked.days, asked.seed, asked.most_rows)
    print(json.dumps(said) if asked.json else "\n".join(lines(said)))
    return 0
