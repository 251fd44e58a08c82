"""The panel of studies that have labels alone, some of them unknown.

A finding that no label tells of is left out of its figures; macro-F1 is the mean over findings that
some studies have and some lack. Uncertain answers count as wrong.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.findings import KEYS
from apps.report_gen.training import metrics

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROUNDS = 500
BY_CHANCE = 50


def masked_f1(predicted: Bools, truth: Bools, known: Bools) -> Floats:
    """F1 [K] over the known; not a number where none is there or none is lacking."""
    hit = (predicted & truth & known).sum(0).astype(float)
    said, there = (predicted & known).sum(0), (truth & known).sum(0)
    lacking = (~truth & known).sum(0)
    told: Floats = 2 * hit / np.maximum(said + there, 1)
    return np.where((there > 0) & (lacking > 0), told, np.nan)


def macro(predicted: Bools, truth: Bools, known: Bools) -> float:
    """The mean of `masked_f1` over what is defined; not a number where nothing is."""
    each = masked_f1(predicted, truth, known)
    return float(np.nanmean(each)) if np.isfinite(each).any() else math.nan


def labelled_panel(
    told: Ints, chances: Floats, truth: Bools, known: Bools, patients: Sequence[str]
) -> dict[str, Any]:
    """Figures of answers `told` (1, 0, −1 uncertain) and probabilities, all [N, K]."""
    settled = metrics.settled(told, truth)
    low, high = interval(settled, truth, known, patients)
    return {
        "studies": len(truth),
        "patients": len(set(patients)),
        "macro_f1": [number(macro(settled, truth, known)), low, high],
        "findings_in_macro_f1": [
            key
            for key, value in zip(KEYS, masked_f1(settled, truth, known), strict=True)
            if math.isfinite(value)
        ],
        "uncertain_share": number(float((told < 0).mean())),
        "distinct_finding_sets": number(
            metrics.distinct_ratio(
                [tuple(row) for row in np.where(known, told, 0).tolist()],
                [tuple(row) for row in (truth & known).tolist()],
            )
        ),
        "findings": {
            key: _one(settled[:, k], chances[:, k], truth[:, k], known[:, k])
            for k, key in enumerate(KEYS)
        },
        "controls": controls(settled, truth, known),
    }


def _one(settled: Bools, chances: Floats, truth: Bools, known: Bools) -> dict[str, Any]:
    told, true, chance = settled[known][:, None], truth[known][:, None], chances[known]
    if not len(told):
        return {"known": 0}
    both = bool(true.any() and not true.all())
    return {
        "known": len(told),
        "n": int(true.sum()),
        "f1": number(float(metrics.f1(told, true)[0]) if both else math.nan),
        "mcc": number(float(metrics.mcc(told, true)[0]) if both else math.nan),
        "sensitivity": number(float(metrics.sensitivity(told, true)[0])),
        "specificity": number(float(metrics.specificity(told, true)[0])),
        "ece": number(metrics.calibration_error(chance, true[:, 0])),
        "brier_skill": number(metrics.brier_skill(chance, true[:, 0]) if both else math.nan),
    }


def interval(
    settled: Bools, truth: Bools, known: Bools, patients: Sequence[str], seed: int = 0
) -> tuple[float | None, float | None]:
    """95 % of macro-F1 when patients are drawn with replacement (Field and Welsh, 2007)."""
    rows: dict[str, list[int]] = {}
    for row, patient in enumerate(patients):
        rows.setdefault(patient, []).append(row)
    members = [np.array(each) for each in rows.values()]
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(ROUNDS):
        at = np.concatenate([members[k] for k in draw.integers(len(members), size=len(members))])
        found.append(macro(settled[at], truth[at], known[at]))
    finite = [each for each in found if math.isfinite(each)]
    if not finite:
        return None, None
    low, high = np.percentile(finite, [2.5, 97.5])
    return number(float(low)), number(float(high))


def controls(settled: Bools, truth: Bools, known: Bools, seed: int = 0) -> dict[str, float | None]:
    """Macro-F1 of answers that looked at no volume; see `metrics.controls`."""
    draw = np.random.default_rng(seed)
    rate = (truth & known).sum(0) / np.maximum(known.sum(0), 1)
    dealt = [macro(draw.random(truth.shape) < rate, truth, known) for _ in range(BY_CHANCE)]
    mixed = [macro(settled[draw.permutation(len(truth))], truth, known) for _ in range(BY_CHANCE)]
    return {
        "all_normal": number(macro(np.zeros_like(truth), truth, known)),
        "all_positive": number(macro(np.ones_like(truth), truth, known)),
        "random_deal": number(float(np.mean(dealt))),
        "shuffled": number(float(np.mean(mixed))),
    }


def number(value: float) -> float | None:
    """Four digits; None for what is not defined."""
    return round(float(value), 4) if math.isfinite(value) else None
