"""Average precision with bootstrap intervals: parts are drawn again, with replacement.

Parts (groups of pictures where there are groups), not boxes, are independent of each other, so
they are what is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.training.average_precision import (
    THRESHOLDS,
    Precision,
    areas,
    match,
    measure,
)
from apps.defect_detection.training.evaluation.looking import Looked

DRAWS = 300
TAILS = (2.5, 97.5)  # percentiles: 95 % in between


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval; None where no true box tells it."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """`by_class` has a pair (mAP50, mAP50-95) for each class."""

    map50: Interval
    map50_95: Interval
    by_class: tuple[tuple[Interval, Interval], ...]
    boxes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Class:
    """One class's ranking, reduced to the places where a curve can bend.

    Attributes:
        part: of every found box [N]; places: [K] into them; correct: [K, thresholds] there.
        true: true boxes by part.
    """

    part: NDArray[np.int64]
    places: NDArray[np.int64]
    correct: NDArray[np.float64]
    true: NDArray[np.int64]

    def precision(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average precision at each threshold when part p comes `weight[p]` times."""
        count = float(self.true @ weight)
        if not count:
            return np.full(len(THRESHOLDS), np.nan)
        found = weight[self.part].cumsum()[self.places]
        kept = found > 0
        if not kept.any():
            return np.zeros(len(THRESHOLDS))
        hits = (self.correct * weight[self.part[self.places]][:, None]).cumsum(0)
        return areas(hits[kept], found[kept], count)


def figures(looked: Sequence[Looked], classes: int, seed: int = 0) -> Figures:
    """Average precision over pictures, by class and in all, with 95 % intervals."""
    found, truth = [each.found for each in looked], [each.truth for each in looked]
    whole = measure(found, truth, classes)
    rankings, parts = _rankings(looked, classes, _groups(looked))
    random = np.random.default_rng(seed)
    draws = np.empty((DRAWS, classes, len(THRESHOLDS)))
    for draw in range(DRAWS):
        weight = random.multinomial(parts, np.full(parts, 1 / parts)).astype(np.float64)
        draws[draw] = [ranking.precision(weight) for ranking in rankings]
    drawn = [Precision(per_class=each) for each in draws]
    by_class = tuple(
        (
            _interval(whole.per_class[index, :1], draws[:, index, :1]),
            _interval(whole.per_class[index], draws[:, index]),
        )
        for index in range(classes)
    )
    known = not np.isnan(whole.per_class).all()
    return Figures(
        map50=_between(whole.map50, [each.map50 for each in drawn], known),
        map50_95=_between(whole.map50_95, [each.map50_95 for each in drawn], known),
        by_class=by_class,
        boxes=tuple(int(ranking.true.sum()) for ranking in rankings),
    )


def map50_loss(
    before: Sequence[Looked], after: Sequence[Looked], classes: int, seed: int = 0
) -> Interval:
    """By how much mAP50 of `after` is below that of `before`, over the same pictures.

    Paired: each draw takes the same pictures for both. Pictures are drawn, not parts: the question
    is how two networks differ on what both saw, and a set may well be of one part.
    """
    names = [str(number) for number in range(len(before))]
    rankings = [_rankings(each, classes, names)[0] for each in (before, after)]
    whole = [_map50(each, np.ones(len(names))) for each in rankings]
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(DRAWS):
        weight = random.multinomial(len(names), np.full(len(names), 1 / len(names)))
        drawn = [_map50(each, weight.astype(np.float64)) for each in rankings]
        draws.append(drawn[0] - drawn[1])
    return _between(whole[0] - whole[1], draws, not np.isnan(whole).any())


def _map50(rankings: Sequence[_Class], weight: NDArray[np.float64]) -> float:
    """Mean over the classes with true boxes among what was drawn; NaN where there are none."""
    values = np.array([ranking.precision(weight)[0] for ranking in rankings])
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))


def _groups(looked: Sequence[Looked]) -> list[str]:
    return [each.sample.group or f"\0{each.sample.name}" for each in looked]


def _rankings(
    looked: Sequence[Looked], classes: int, names: Sequence[str]
) -> tuple[list[_Class], int]:
    """Every class's ranking, and how many different `names`, one a picture, are drawn from."""
    _, part = np.unique(names, return_inverse=True)
    parts = int(part.max()) + 1
    rows = np.concatenate([each.found[:, 4:6] for each in looked])
    of = np.repeat(part, [len(each.found) for each in looked]).astype(np.int64)
    correct = np.concatenate([match(each.found, each.truth) for each in looked])
    order = np.argsort(-rows[:, 0], kind="stable")
    rows, of, correct = rows[order], of[order], correct[order]
    rankings = []
    for index in range(classes):
        mine = rows[:, 1] == index
        right = correct[mine]
        # A curve bends where a box is right, and just before; between, nothing changes.
        hits = np.flatnonzero(right.any(1))
        places = np.unique(np.concatenate((hits, hits - 1, [len(right) - 1])))
        places = places[places >= 0].astype(np.int64)
        true = np.zeros(parts, np.int64)
        for number, each in zip(part, looked, strict=True):
            true[number] += int((each.truth[:, 4] == index).sum())
        rankings.append(
            _Class(
                part=of[mine], places=places, correct=right[places].astype(np.float64), true=true
            )
        )
    return rankings, parts


def _interval(value: NDArray[np.float64], draws: NDArray[np.float64]) -> Interval:
    if np.isnan(value).any():
        return Interval(value=None)
    return _between(float(value.mean()), draws.mean(-1).tolist(), True)


def _between(value: float, draws: Sequence[float], known: bool) -> Interval:
    if not known:
        return Interval(value=None)
    # A draw without a single true box tells nothing.
    told = [each for each in draws if not np.isnan(each)]
    low, high = np.percentile(told, TAILS)
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))
