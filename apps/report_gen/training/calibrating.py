"""Fits probabilities and operating points on phantoms held out for it."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from apps.report_gen.findings import KEYS
from apps.report_gen.inference.verdicts import Verdicts

UNCERTAIN = 0.015
"""Share of answers that may be uncertain; the limit is 5 %."""
WIDEST = 0.05
"""Of a probability to each side of the threshold. Phantoms are told so surely that 1.5 % of their
answers can span a third of all probabilities, and that third holds much of a real scan: there one
kernel's "present" was the other's "uncertain"."""
RIDGE = 0.05
LEAST_SLOPE = 0.05
Array = NDArray[np.float64]


def platt(logits: Array, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift of one kind, of greatest likelihood for Platt's smoothed targets (1999).

    A little ridge towards the network's own scale keeps a kind finite that is separable. The sum is
    convex, but a full Newton step leaps over its minimum on logits that are well apart: L-BFGS with
    a line search does not.
    """
    positive, negative = float(truth.sum()), float((~truth).sum())
    if not positive or not negative:
        return 1.0, 0.0
    target = np.where(truth, (positive + 1) / (positive + 2), 1 / (negative + 2))
    values = np.stack([logits, np.ones_like(logits)], 1)
    own = np.array([1.0, 0.0])

    def loss(weights: Array) -> tuple[float, Array]:
        linear = values @ weights
        likelihood = np.logaddexp(0, linear) - target * linear
        gap = weights - own
        gradient = values.T @ (expit(linear) - target) + RIDGE * gap
        return float(likelihood.sum() + RIDGE / 2 * (gap @ gap)), gradient

    bounds = [(LEAST_SLOPE, None), (None, None)]
    slope, shift = minimize(loss, own, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(slope), float(shift)


def best_threshold(probabilities: Array, truth: NDArray[np.bool_]) -> float:
    """Of the greatest F1, the middle between the two answers next to it; 0.5 without positives."""
    if not truth.any() or truth.all():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    hit = np.cumsum(truth[order])
    score = 2 * hit / (np.arange(1, len(order) + 1) + truth.sum())
    at = int(score.argmax())
    after = probabilities[order[at + 1]] if at + 1 < len(order) else 0.0
    return float(np.clip((probabilities[order[at]] + after) / 2, 0.03, 0.97))


def fitted(logits: Array, truth: NDArray[np.bool_], peak: tuple[float, float]) -> Verdicts:
    """Verdicts from logits [N, K] and what is there [N, K]."""
    pairs = [platt(logits[:, k], truth[:, k]) for k in range(len(KEYS))]
    plain = Verdicts(slopes=tuple(a for a, _ in pairs), shifts=tuple(b for _, b in pairs))
    chances = plain.probabilities(logits)
    low, high = [], []
    for k in range(len(KEYS)):
        middle = best_threshold(chances[:, k], truth[:, k])
        # The nearest answers to the threshold are uncertain, as many as are allowed.
        gaps = np.sort(np.abs(chances[:, k] - middle))
        width = float(gaps[min(len(gaps) - 1, int(UNCERTAIN * len(gaps)))])
        width = min(width * 0.999, middle - 0.005, 0.995 - middle, WIDEST)
        low.append(middle - max(0.0, width))
        high.append(middle + max(0.0, width))
    return Verdicts(
        slopes=plain.slopes, shifts=plain.shifts, low=tuple(low), high=tuple(high), peak=peak
    )
