"""``manage.py bench reasons``: reasons for alerts, exact contributions against XGBoost's own.

A forest of 300 trees of depth 6 over 60 features is trained on drawn data. First both sides'
contributions are compared; then 1,000 alerts are explained, our side up to the result columns and
the sentences in both languages, XGBoost's its contributions alone. Runs alternate.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import xgboost

from apps.fraud.explaining.contributions import contributions
from apps.fraud.explaining.paths import Ways
from apps.fraud.explaining.reasons import TOLD, Explainer
from apps.fraud.explaining.words import sentence
from apps.fraud.features.catalogue import catalogue
from apps.fraud.scheme import CARD_PAYMENTS

LIMIT_S = 3.0
APART = 1e-4
"""Log-odds; XGBoost computes contributions in 32 bits."""


def trained(trees: int, depth: int, features: int) -> tuple[xgboost.Booster, np.ndarray]:
    """A forest, and rows like those it was trained on."""
    chance = np.random.default_rng(5)
    x = chance.normal(size=(20_000, features)).astype(np.float32)
    x[chance.random(x.shape) < 0.05] = np.nan
    y = np.nansum(x[:, :8], axis=1) + chance.normal(size=len(x)) > 4
    how = {"max_depth": depth, "objective": "binary:logistic", "eta": 0.05}
    return xgboost.train(how, xgboost.DMatrix(x, y), trees), x


def run(rows: int, trees: int, depth: int, repeats: int) -> dict[str, object]:
    """The figures.

    Raises:
        RuntimeError: the two sides say different things.
    """
    names = [feature.name for feature in catalogue(CARD_PAYMENTS)][:60]
    booster, x = trained(trees, depth, len(names))
    table, matrix = x[:rows], xgboost.DMatrix(x[:rows])
    started = time.perf_counter()
    explainer = Explainer(Ways.from_xgboost(bytes(booster.save_raw("json"))), names)
    opened = time.perf_counter() - started
    apart = _apart(booster, explainer, table, matrix)

    def ours() -> int:
        told = explainer.columns(table)
        said = 0
        for row in range(len(table)):
            values = dict(zip(names, table[row].tolist(), strict=True))
            for place in range(1, TOLD + 1):
                name = str(told[f"reasons.{place}"][row])
                said += bool(name and sentence(name, values, CARD_PAYMENTS).zh)
        return said

    times = _alternating(
        {
            "sentences_s": ours,
            "contributions_s": lambda: contributions(table, explainer.ways),
            "xgboost_s": lambda: booster.predict(matrix, pred_contribs=True),
            "one_row_s": lambda: contributions(table[:1], explainer.ways),
        },
        repeats,
    )
    return {
        "rows": rows,
        "trees": trees,
        "depth": depth,
        "features": len(names),
        "ways": len(explainer.ways.value),
        "cores": len(os.sched_getaffinity(0)),
        "largest_difference": apart,
        "open_s": round(opened, 3),
        **{name: round(value, 5) for name, value in times.items()},
        "times_xgboost": round(times["xgboost_s"] / times["contributions_s"], 1),
        "within_3_s": times["sentences_s"] <= LIMIT_S,
    }


def _apart(
    booster: xgboost.Booster, explainer: Explainer, table: np.ndarray, matrix: xgboost.DMatrix
) -> float:
    theirs = booster.predict(matrix, pred_contribs=True)
    apart = float(np.abs(contributions(table, explainer.ways) - theirs[:, :-1]).max())
    if apart > APART:
        raise RuntimeError(f"Contributions differ by {apart} from XGBoost's.")
    return apart


def _alternating(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each side; the sides take turns, so that a busy machine hits all."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, work in sides.items():
            started = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(told) for name, told in times.items()}


def main(arguments: list[str]) -> int:
    """Print one JSON line; 0 when the alerts are explained within the limit."""
    parser = argparse.ArgumentParser(prog="bench reasons", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    found = run(options.rows, options.trees, options.depth, options.repeats)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["within_3_s"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
