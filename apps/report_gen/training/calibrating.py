"""Fits probabilities and operating points on phantoms held out for it."""

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.findings import KEYS
from apps.report_gen.inference.verdicts import Verdicts

UNCERTAIN = 0.015
"""Share of answers that may be uncertain; the limit is 5 %."""
Array = NDArray[np.float64]


def platt(logits: Array, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift of one kind, by Newton's method with Platt's smoothed targets (1999)."""
    positive, negative = float(truth.sum()), float((~truth).sum())
    if not positive or not negative:
        return 1.0, 0.0
    target = np.where(truth, (positive + 1) / (positive + 2), 1 / (negative + 2))
    values = np.stack([logits, np.ones_like(logits)], 1)
    weights = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(values @ weights, -30, 30)))
        # A little ridge towards the network's own scale keeps separable kinds finite.
        gradient = values.T @ (p - target) + 0.05 * (weights - [1.0, 0.0])
        curve = (values * (p * (1 - p))[:, None]).T @ values + 0.05 * np.eye(2)
        step = np.linalg.solve(curve, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-7:
            break
    return float(max(weights[0], 0.05)), float(weights[1])


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
        width = min(width * 0.999, middle - 0.005, 0.995 - middle, 0.15)
        low.append(middle - max(0.0, width))
        high.append(middle + max(0.0, width))
    return Verdicts(
        slopes=plain.slopes, shifts=plain.shifts, low=tuple(low), high=tuple(high), peak=peak
    )
