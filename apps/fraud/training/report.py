"""What a ladder came to: one JSON object, and the same as a table to read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training import metrics
from apps.fraud.training.cold_start import PRIORS, UNTREATED, cold_start
from apps.fraud.training.figures import Test, bands, figures, gains, histories, quick
from apps.fraud.training.ladder import ENSEMBLE, GRAPH_TREES, NETWORK, TITLES, Climbed
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


def lines(said: Mapping[str, Any]) -> list[str]:
    """The report for a terminal."""
    out = [
        "Test {test_from} to {test_to}, learned from {train_from} to {train_to}, "
        "labels known after {delay:g} days.".format(**said["periods"], delay=said["delay_days"]),
        "",
        heading(),
    ]
    for row in said["ladder"]:
        title = TITLES[row["model"]][0] if row["model"] in TITLES else row["model"]
        out.append(
            f"{title:<30}"
            + "".join(cell(row[key], row[f"{key}_interval"]).rjust(24) for key in FIGURES)
        )
        if "published" in row:
            shown = row["published"]
            out.append(
                f"{'  as published':<30}{'':>24}{shown['average_precision']:>24.3f}"
                f"{shown['card_precision']:>24.3f}{shown['auc']:>24.3f}"
            )
    over = said["gains"]["over"]
    gain = said["gains"]["models"].get(ENSEMBLE, {}).get("average_precision")
    if gain:
        out += [
            "",
            f"The ensemble's AP over {over}: {cell(gain['value'], [gain['low'], gain['high']])}.",
        ]
    out.append(f"Of the rungs that can serve, {TITLES[said['serves']][0]} is the best there was.")
    out.append(_about_strangers(said))
    out.append(_about_network(said))
    if said["honest_rows_missing"]:
        out.append(
            f"To certify 0.02 % within ±20 %, {said['honest_rows_missing']:,} more honest rows are "
            "needed in the test."
        )
    return out


def _about_strangers(said: Mapping[str, Any]) -> str:
    cold = said["cold_start"]
    if cold["gain"] is None:
        return (
            f"Payers with fewer than {cold['below']} earlier transactions: {cold['rows']:,} rows "
            f"with {cold['frauds']} frauds are too few to measure the cold start on."
        )
    told = [
        f"{what} {cold[key]['average_precision']:.4f}, gain "
        + cell(gain["value"], [gain["low"], gain["high"]])
        for what, key, gain in (
            ("with priors", "priors", cold["gain_of_priors"]["average_precision"]),
            ("with neighbours' aggregates too", "treated", cold["gain"]["average_precision"]),
        )
    ]
    return (
        f"Payers with fewer than {cold['below']} earlier transactions ({cold['rows']:,} rows, "
        f"{cold['frauds']} frauds): AP {cold['untreated']['average_precision']:.4f} untreated; "
        f"{'; '.join(told)}."
    )


def _about_network(said: Mapping[str, Any]) -> str:
    gain = said["ensemble"]["network_gain_on_validation"]
    if gain is None:
        return "The graph network was left out."
    verdict = (
        "it stays in the ensemble"
        if said["ensemble"]["network_kept"]
        else "it does not win for certain, so the ensemble goes without it"
    )
    epochs = said["chosen"][NETWORK]["epochs"]
    return (
        f"The graph network (best after {epochs:.0f} epochs) adds "
        f"{cell(gain['value'], [gain['low'], gain['high']])} AP on the validation: {verdict}."
    )


def heading() -> str:
    """Above the rows of models."""
    return f"{'model':<30}" + "".join(f"{HEADS[key]:>24}" for key in FIGURES)


def cell(value: float | None, ends: list[float | None]) -> str:
    """A figure with its interval."""
    if value is None:
        return "–"
    if ends[0] is None or ends[1] is None:
        return f"{value:.4f}"
    return f"{value:.4f} ({ends[0]:.3f} to {ends[1]:.3f})"
