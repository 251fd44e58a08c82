"""Makes margins probabilities, from a validation that the model had not seen.

Isotonic regression where there are frauds enough (Zadrozny and Elkan, KDD 2002), else Platt's
logistic curve. Either is stored as the knots of a rising line.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from apps.fraud.inference.calibration import Calibration, straight

ENOUGH: Final = 100
"""Frauds for an isotonic curve."""
KNOTS: Final = 64


def calibrate(margins: NDArray[np.float64], label: NDArray[np.int64]) -> tuple[Calibration, str]:
    """The curve, and its kind: ``isotonic`` or ``platt``."""
    frauds = int((label == 1).sum())
    low, high = float(margins.min()), float(margins.max())
    grid = np.unique(np.quantile(margins, np.linspace(0, 1, KNOTS)))
    top = np.unique(margins[label == 1])
    # Most rows are honest: places where probabilities rise lie among the frauds.
    grid = np.unique(np.concatenate([grid, np.quantile(top, np.linspace(0, 1, KNOTS))]))
    if len(grid) < 2:
        grid = np.array([low - 1.0, high + 1.0])
    if frauds >= ENOUGH:
        curve = IsotonicRegression(out_of_bounds="clip").fit(margins, label)
        return straight(grid, _bounded(curve.predict(grid), len(label))), "isotonic"
    curve = LogisticRegression(C=1e3).fit(margins[:, None], label)
    slope = max(float(curve.coef_[0, 0]), 1e-3)
    shares = 1 / (1 + np.exp(-(slope * grid + float(curve.intercept_[0]))))
    return straight(grid, shares), "platt"


def _bounded(shares: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """No certainty that so few rows cannot give."""
    least = 1.0 / (rows + 2)
    return np.clip(shares, least, 1 - least)
