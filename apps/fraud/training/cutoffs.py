"""The cut-offs that a model is registered with: budgets of honest customers that are disturbed.

A calibrated score means the same everywhere, but how high scores get does not: a model that learned
from few frauds may never say .99. So a new model starts where its own test puts these budgets;
thresholds with a certificate are fitted to a project's labels later.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.schema import Band
from apps.fraud.training.metrics import threshold_at_fpr

BUDGETS: Final = {"step_up": 0.005, "review": 0.001, "block": 0.0002}
"""The share of honest rows at or above each cut-off, at most."""
NEVER: Final = 1.01
"""No score reaches it."""


def first_band(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, Any]:
    """Cut-offs for all amounts.

    Args:
        labels: [N] of rows that the model did not learn from: 1 fraud, 0 honest.
        scores: [N], calibrated.

    Returns:
        The fields of a `Band`. A cut-off is `NEVER` where even the highest score has more honest
        rows than its budget allows.
    """
    found = {
        name: min(NEVER, threshold_at_fpr(labels, scores, budget))
        for name, budget in BUDGETS.items()
    }
    return Band.model_validate(found).model_dump(mode="json")
