"""Escape, overkill and what people are asked, at one operating point, with intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.operating.bounds import Rate, rate
from apps.defect_detection.operating.boxes import (
    FAIL,
    IGNORED,
    MINOR,
    PASS,
    REVIEW,
    Floats,
    outcomes,
)
from apps.defect_detection.operating.ladder import highest
from apps.defect_detection.operating.losses import Weighed, weighed
from apps.defect_detection.operating.predictions import Predictions
from apps.defect_detection.schema import OperatingPoint


@dataclass(frozen=True, kw_only=True)
class ClassRates:
    """One class at its own threshold.

    Attributes:
        escape: of parts with such a defect, those that pass.
        missed: of such defects one by one, those no find is on that at least a person is asked
            about; defects of one part are not independent, so its interval is a rough one.
        overkill: of good parts, those that a find of this class makes fail.
    """

    label: str
    threshold: float
    review_from: float
    escape: Rate
    missed: Rate
    overkill: Rate


@dataclass(frozen=True, kw_only=True)
class Rates:
    """One operating point on one set of parts.

    Attributes:
        escape: bad parts that pass.
        overkill: good parts that fail.
        asked_good, asked_bad: good and bad parts that a person is asked about.
        missed: defects one by one, as in `ClassRates`.
        false_finds: finds that make a part fail and are on no defect, per picture.
    """

    escape: Rate
    overkill: Rate
    asked_good: Rate
    asked_bad: Rate
    missed: Rate
    false_finds: float | None
    classes: tuple[ClassRates, ...]


def rates(
    predictions: Predictions,
    point: OperatingPoint,
    confidence: float = 0.95,
    parts: NDArray[np.bool_] | None = None,
) -> Rates:
    """What `point` makes of `predictions`; of some of the parts only, if given [U]."""
    found = weighed(predictions, point)
    wanted = np.ones(found.units, dtype=bool) if parts is None else parts
    boxes = predictions.boxes.of(found.box_part)
    said = outcomes(boxes, found.boxes, predictions.classes, point, found.units)
    bad, good = wanted & (found.worst > IGNORED), wanted & (found.worst == IGNORED)

    def share(of: NDArray[np.bool_], lost: NDArray[np.bool_]) -> Rate:
        return rate(int((of & lost).sum()), int(of.sum()), confidence)

    review, threshold = _limits(predictions, point)
    counts = found.boxes > IGNORED
    asked = counts & (boxes.score >= review[boxes.label])
    fails = (found.boxes > MINOR) & (boxes.score >= threshold[boxes.label])
    drawn = (found.truth > IGNORED) & wanted[found.truth_part]
    missed = _missed(found, asked)
    # A find on a defect that the rules ignore is a false one too: there is nothing to fail for.
    on_something = np.zeros(len(boxes.score), dtype=bool)
    on = predictions.on
    on_something[on[found.truth[on[:, 0]] > IGNORED, 1]] = True
    pictures = int(wanted[predictions.part].sum())
    false = int((fails & ~on_something & wanted[found.box_part]).sum())
    classes = []
    for index, label in enumerate(predictions.classes):
        mine = (predictions.truth.label == index) & (found.truth > IGNORED)
        with_it = np.zeros(found.units, dtype=bool)
        with_it[found.truth_part[mine]] = True
        failing = highest(found.box_part, fails & (boxes.label == index), found.units) > 0
        classes.append(
            ClassRates(
                label=label,
                threshold=float(threshold[index]),
                review_from=float(review[index]),
                escape=share(wanted & with_it, said == PASS),
                missed=share(drawn & mine, missed),
                overkill=share(good, failing),
            )
        )
    return Rates(
        escape=share(bad, said == PASS),
        overkill=share(good, said == FAIL),
        asked_good=share(good, said == REVIEW),
        asked_bad=share(bad, said == REVIEW),
        missed=share(drawn, missed),
        false_finds=false / pictures if pictures else None,
        classes=tuple(classes),
    )


def _limits(predictions: Predictions, point: OperatingPoint) -> tuple[Floats, Floats]:
    names = predictions.classes or ("",)
    review = np.array([point.review_from_of(name) for name in names])
    return review, np.array([point.threshold_of(name) for name in names])


def _missed(found: Weighed, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which drawn defects have no find on them that counts."""
    on = found.predictions.on
    seen = np.zeros(len(found.truth), dtype=bool)
    seen[on[asked[on[:, 1]], 0]] = True
    return ~seen
