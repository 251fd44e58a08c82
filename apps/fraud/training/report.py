"""What a ladder came to, as one JSON object; `report_lines` tells the same at a terminal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training import metrics
from apps.fraud.training.cold_start import PRIORS, UNTREATED, cold_start
from apps.fraud.training.figures import Test, bands, figures, gains, histories, quick
from apps.fraud.training.ladder import Climbed
from apps.fraud.training.plan import GRAPH_TREES
from apps.fraud.training.splitting import Split
from apps.fraud.training.table import Table

FIGURES = ("recall_at_fpr", "average_precision", "card_precision", "auc")
HEADS = {
    "recall_at_fpr": "recall@0.02%",
    "average_precision": "AP",
    "card_precision": "CP@100",
    "auc": "AUC",
}


def tested(table: Table, parts: Split, seed: int) -> Test:
    """The test rows, for all models."""
    rows = parts.test
    return Test.of(
        table.label[rows], table.events["amount"][rows], table.history[rows], table.day[rows],
        table.payer[rows], seed,
    )  # fmt: skip


def report(
    table: Table,
    climbed: Climbed,
    seed: int,
    *,
    references: Mapping[str, NDArray[np.float64]] | None = None,
    published: Mapping[str, tuple[float, float, float]] | None = None,
) -> dict[str, Any]:
    """Measure every rung.

    The figures of a rung are those of its seeds' mean score; beside them stand the mean and spread
    of the seeds. `references` are scores of the test of models learned elsewhere in the same run,
    against which the ladder's gain is told, pair by pair.
    """
    test = tested(table, climbed.split, seed)
    base = dict(references or {})
    mean = {key: each.mean(axis=0) for key, each in climbed.scores.items()}
    rows = []
    for key, scores in base.items():
        rows.append({"model": key, **row_of(test, scores[None], scores)})
        if published and key in published:
            rows[-1]["published"] = dict(
                zip(("auc", "average_precision", "card_precision"), published[key], strict=True)
            )
    for key, each in climbed.scores.items():
        rows.append(
            {
                "model": key,
                **row_of(test, each, mean[key]),
                "models": len(each),
                "seconds": round(climbed.seconds.get(key, 0.0), 1),
                "value_by_band": bands(test, mean[key]),
                "by_history": histories(test, mean[key]),
            }
        )
    compared = next(iter(base)) if base else "xgboost_flat"
    other = base[compared] if base else mean[compared]
    honest = int((test.label == 0).sum())
    weights = climbed.ensemble
    return {
        "ladder": rows,
        "serves": climbed.serves,
        "gains": {
            "over": compared,
            "models": {
                key: {name: one.told() for name, one in gains(test, each, other).items()}
                for key, each in mean.items()
                if key != compared
            },
        },
        "ensemble": {
            "weights": weights.weights,
            "network_kept": weights.kept,
            "network_gain_on_validation": weights.gain.told() if weights.gain else None,
        },
        "cold_start": cold_start(
            test,
            table.payer[climbed.split.test],
            mean[GRAPH_TREES],
            *(
                climbed.strangers[key].mean(axis=0) if key in climbed.strangers else None
                for key in (UNTREATED, PRIORS)
            ),
        ),
        "network_curve": climbed.curve,
        "chosen": climbed.chosen,
        "rows": {
            name: {"rows": len(part), "frauds": int((table.label[part] == 1).sum())}
            for name, part in vars(climbed.split).items()
            if name != "periods"
        },
        "periods": {
            name: datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
            for name, at in vars(climbed.split.periods).items()
            if name != "delay"
        },
        "delay_days": climbed.split.periods.delay / 86_400_000,
        "seeds": len(next(iter(climbed.scores.values()))),
        "honest_rows": honest,
        "honest_rows_missing": metrics.legitimate_missing(honest),
        "seconds": {key: round(each, 1) for key, each in climbed.seconds.items()},
    }


def row_of(test: Test, seeds: NDArray[np.float64], mean: NDArray[np.float64]) -> dict[str, Any]:
    """The figures of a row of the ladder.

    Args:
        seeds: [seeds, n] scores of each model.
        mean: [n] scores that are measured.
    """
    found: dict[str, Any] = {}
    told = figures(test, mean)
    each = [quick(test, one) for one in seeds]
    for key in FIGURES:
        values = [one[key] for one in each]
        found[key] = told[key].told()["value"]
        found[f"{key}_interval"] = [told[key].told()["low"], told[key].told()["high"]]
        found[f"{key}_seeds"] = {"mean": float(np.mean(values)), "spread": float(np.std(values))}
    found["recall_at_k"] = metrics.recall_at_k(test.label, mean)
    return found
