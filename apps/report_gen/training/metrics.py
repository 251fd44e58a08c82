"""How findings are judged, study by study: pure functions over arrays.

Predictions and truths are bool [N, K], studies by kinds; `told` is 1 present, 0 absent and -1
uncertain, and what is uncertain counts as wrong.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Counts(NamedTuple):
    """True and false positives and negatives of each kind [K]."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats


def settled(told: Ints, truth: Bools) -> Bools:
    """Predictions of what was told: uncertain becomes the wrong answer."""
    return np.where(told < 0, ~truth, told > 0)


def counts(predicted: Bools, truth: Bools) -> Counts:
    """The four cells of each kind."""
    return Counts(
        (predicted & truth).sum(0).astype(float), (predicted & ~truth).sum(0).astype(float),
        (~predicted & truth).sum(0).astype(float), (~predicted & ~truth).sum(0).astype(float),
    )  # fmt: skip


def f1(predicted: Bools, truth: Bools) -> Floats:
    """[K]; 0 where nothing is there and nothing right was said."""
    c = counts(predicted, truth)
    made: Floats = 2 * c.tp / np.maximum(2 * c.tp + c.fp + c.fn, 1)
    return made


def macro_f1(predicted: Bools, truth: Bools) -> float:
    """The mean of `f1` over the kinds."""
    return float(f1(predicted, truth).mean())


def mcc(predicted: Bools, truth: Bools) -> Floats:
    """Matthews' correlation [K]; 0 where it is not defined (Matthews, 1975)."""
    c = counts(predicted, truth)
    root = np.sqrt((c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn))
    made: Floats = np.where(root > 0, (c.tp * c.tn - c.fp * c.fn) / np.maximum(root, 1e-9), 0.0)
    return made


def sensitivity(predicted: Bools, truth: Bools) -> Floats:
    """[K]; not a number where nothing is there."""
    c = counts(predicted, truth)
    return np.where(c.tp + c.fn > 0, c.tp / np.maximum(c.tp + c.fn, 1), np.nan)


def specificity(predicted: Bools, truth: Bools) -> Floats:
    """[K]; not a number where all have it."""
    c = counts(predicted, truth)
    return np.where(c.tn + c.fp > 0, c.tn / np.maximum(c.tn + c.fp, 1), np.nan)


class Interval(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def clustered(
    score: Callable[[Bools, Bools], float], predicted: Bools, truth: Bools,
    patients: Sequence[object], *, rounds: int = 500, seed: int = 0,
) -> Interval:  # fmt: skip
    """A score with an interval by drawing patients, with all of their studies, with replacement
    (Field and Welsh, 2007)."""
    groups: dict[object, list[int]] = {}
    for row, patient in enumerate(patients):
        groups.setdefault(patient, []).append(row)
    members = [np.array(rows) for rows in groups.values()]
    draw = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        rows = np.concatenate(
            [members[at] for at in draw.integers(len(members), size=len(members))]
        )
        drawn.append(score(predicted[rows], truth[rows]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(score(predicted, truth), float(low), float(high))


def calibration_error(probabilities: Floats, truth: Bools, bins: int = 10) -> float:
    """Expected calibration error of one kind [N], bins of like count (Naeini et al., 2015)."""
    order = np.argsort(probabilities, kind="stable")
    gaps = [
        len(part) * abs(float(probabilities[part].mean()) - float(truth[part].mean()))
        for part in np.array_split(order, min(bins, len(order)))
        if len(part)
    ]
    return float(sum(gaps)) / max(1, len(order))


def brier_skill(probabilities: Floats, truth: Bools) -> float:
    """Of one kind [N]: 1 is perfect, 0 as good as always telling the share that has it."""
    share = float(truth.mean())
    base = share * (1 - share)
    return 1 - float(((probabilities - truth) ** 2).mean()) / base if base > 0 else 0.0


def dice(first: Bools, second: Bools) -> float:
    """Overlap of two masks; 1 where both are empty."""
    size = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / size if size else 1.0


def distinct_ratio(told: Sequence[object], truth: Sequence[object]) -> float:
    """Distinct answers over distinct truths: low where a model says the same to everybody."""
    return len(set(told)) / max(1, len(set(truth)))


def controls(predicted: Bools, truth: Bools, seed: int = 0) -> dict[str, float]:
    """Macro-F1 of answers that looked at no volume: all-normal, dealt at random at the same
    rates, and the model's own answers shuffled among studies."""
    draw = np.random.default_rng(seed)
    rounds = 50
    dealt = [macro_f1(draw.random(truth.shape) < truth.mean(0), truth) for _ in range(rounds)]
    shuffled = [macro_f1(predicted[draw.permutation(len(truth))], truth) for _ in range(rounds)]
    return {
        "all_normal": macro_f1(np.zeros_like(truth), truth),
        "random_deal": float(np.mean(dealt)),
        "shuffled": float(np.mean(shuffled)),
    }
