"""What is done for payers without history, against doing nothing, on those payers alone.

Treated is the served rung: hierarchical priors, neighbours by shared attributes, and the prior of
those who behave alike mixed with the payer's own by the length of its history. Untreated are the
same trees, learned from the same rows with the same seeds, without these features.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training import metrics
from apps.fraud.training.figures import LEAST, Test
from apps.fraud.training.intervals import Draws, paired_gain
from apps.fraud.training.metrics import Counts, auc, average_precision

BELOW = 5
"""Earlier events of the payer."""
MEASURES = {"average_precision": average_precision, "auc": auc}


def cold_start(
    test: Test, payer: NDArray, treated: NDArray[np.float64], untreated: NDArray[np.float64]
) -> dict[str, Any]:
    """The figures of both on rows of payers with fewer than `BELOW` earlier events.

    Args:
        test: all rows of the test.
        payer: [n] their payers.
        treated, untreated: [n] margins.

    Returns:
        JSON: rows, frauds, ``treated``, ``untreated`` and the paired ``gain`` of average precision
        and AUC with its interval (draws of whole payers); recall at the threshold that all rows
        share. Without frauds enough the figures are null.
    """
    cold = test.history < BELOW
    label = test.label[cold]
    frauds = int((label == 1).sum())
    found: dict[str, Any] = {
        "below": BELOW, "rows": int(cold.sum()), "frauds": frauds,
        "treated": None, "untreated": None, "gain": None,
    }  # fmt: skip
    if frauds < LEAST or frauds == len(label):
        return found
    draws = Draws.of(payer[cold], test.seed)
    for key, scores in (("treated", treated), ("untreated", untreated)):
        threshold = metrics.threshold_at_fpr(test.label, scores)
        counts = Counts.of(label, scores[cold])
        found[key] = {
            **{name: measure(counts, None) for name, measure in MEASURES.items()},
            "recall_at_fpr": float((scores[cold][label == 1] >= threshold).mean()),
        }
    found["gain"] = {
        name: paired_gain(label, treated[cold], untreated[cold], draws, measure).told()
        for name, measure in MEASURES.items()
    }
    return found
