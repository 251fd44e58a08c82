"""What is done for payers without history, against doing nothing, on those payers alone.

Treated is the served rung; *priors* are the same trees without the neighbours' aggregates: with
hierarchical priors, and the priors of those who share something and of those who behave alike,
mixed with the payer's own by the length of its history. Untreated are the same trees without
either. All learn from the same rows with the same seeds.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.feature import Feature
from apps.fraud.training import metrics
from apps.fraud.training.figures import LEAST, Test
from apps.fraud.training.intervals import Draws, paired_gains
from apps.fraud.training.metrics import Counts, auc, average_precision

BELOW = 5
"""Earlier events of the payer."""
UNTREATED, PRIORS = "xgboost_untreated", "xgboost_priors"
WITHOUT = {UNTREATED: ("priors", "graph"), PRIORS: ("graph",)}
"""No rungs of the ladder: the served trees without these groups of features."""
MEASURES = {"average_precision": average_precision, "auc": auc}


def treatments(features: Iterable[Feature]) -> dict[str, tuple[str, ...]]:
    """Names of the features that are left, by `WITHOUT`."""
    every = tuple(features)
    return {
        key: tuple(one.name for one in every if one.group not in groups)
        for key, groups in WITHOUT.items()
    }


def measurable(label: NDArray[np.int64], history: NDArray[np.int64]) -> bool:
    """Whether a test has both frauds enough and honest rows of payers without history."""
    cold = label[history < BELOW]
    frauds = int((cold == 1).sum())
    return LEAST <= frauds < len(cold)


def cold_start(
    test: Test,
    payer: NDArray,
    treated: NDArray[np.float64],
    untreated: NDArray[np.float64] | None,
    priors: NDArray[np.float64] | None,
) -> dict[str, Any]:
    """The figures of all on rows of payers with fewer than `BELOW` earlier events.

    Args:
        test: all rows of the test.
        payer: [n] their payers.
        treated, untreated, priors: [n] margins; the last two None where the test is not
            `measurable`.

    Returns:
        JSON: rows, frauds, ``treated``, ``priors``, ``untreated``, and the paired ``gain`` of the
        treated and ``gain_of_priors`` over the untreated, of average precision and AUC with its
        interval (draws of whole payers); recall at the threshold that all rows share. Without
        frauds enough the figures are null.
    """
    cold = test.history < BELOW
    label = test.label[cold]
    found: dict[str, Any] = {
        "below": BELOW, "rows": int(cold.sum()), "frauds": int((label == 1).sum()),
        "treated": None, "priors": None, "untreated": None, "gain": None, "gain_of_priors": None,
    }  # fmt: skip
    if untreated is None or priors is None or not measurable(test.label, test.history):
        return found
    draws = Draws.of(payer[cold], test.seed)
    for key, scores in (("treated", treated), ("priors", priors), ("untreated", untreated)):
        threshold = metrics.threshold_at_fpr(test.label, scores)
        counts = Counts.of(label, scores[cold])
        found[key] = {
            **{name: measure(counts) for name, measure in MEASURES.items()},
            "recall_at_fpr": float((scores[cold][label == 1] >= threshold).mean()),
        }
    for key, scores in (("gain", treated), ("gain_of_priors", priors)):
        gains = paired_gains(label, scores[cold], untreated[cold], draws, MEASURES)
        found[key] = {name: gain.told() for name, gain in gains.items()}
    return found
