"""Escape and overkill against the threshold, each with its band, and PG2 and PB2 beside them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.operating import bounds, ladder, losses
from apps.defect_detection.operating.bounds import Rate
from apps.defect_detection.operating.boxes import IGNORED
from apps.defect_detection.operating.limits import Limit
from apps.defect_detection.operating.losses import weighed
from apps.defect_detection.operating.predictions import Predictions
from apps.defect_detection.schema import OperatingPoint

STEP = 0.005
TWO_PERCENT = 0.02


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A rate at each threshold with the band its interval makes; empty where no part is counted.

    Attributes:
        losses, low, high: [J], beside `Curves.thresholds`.
    """

    parts: int
    losses: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Both rates at each threshold from which a part does not pass."""

    thresholds: tuple[float, ...]
    escape: Curve
    overkill: Curve


def curves(
    predictions: Predictions, point: OperatingPoint, label: str = "", confidence: float = 0.95
) -> Curves:
    """The curves under `point`'s rules on severity and size, of one threshold for all classes.

    With `label`: escapes of parts with such a defect, and overkill by finds of that class.

    Raises:
        ValueError: there is no such class.
    """
    found = weighed(predictions, point)
    steps = ladder.common(len(predictions.classes), step=STEP)
    escape = Limit(kind="escape", at_most=TWO_PERCENT, label=label)
    overkill = Limit(kind="overkill", at_most=TWO_PERCENT, label=label)
    missed = losses.caught(found, steps, "parts", escape)[found.about(escape)]
    failed = losses.failed(found, steps, overkill)[found.about(overkill)]
    return Curves(
        thresholds=tuple(steps.thresholds[:, 0].round(4).tolist()),
        escape=_curve(losses.losses(missed, "escape", len(steps)), len(missed), confidence),
        overkill=_curve(losses.losses(failed, "overkill", len(steps)), len(failed), confidence),
    )


def _curve(lost: NDArray[np.int64], parts: int, confidence: float) -> Curve:
    if not parts:
        return Curve(parts=0, losses=(), low=(), high=())
    low, high = bounds.interval(lost, parts, confidence)
    return Curve(
        parts=parts,
        losses=tuple(lost.tolist()),
        low=tuple(low.round(6).tolist()),
        high=tuple(high.round(6).tolist()),
    )


@dataclass(frozen=True, kw_only=True)
class Pair:
    """PG2 and PB2, as shares of the good parts and of the bad ones.

    Attributes:
        pg2: good parts released when at most 2 % of the bad ones are missed.
        pb2: bad parts rejected when at most 2 % of the good ones are lost.
        pg2_threshold, pb2_threshold: where; None where no threshold does it.
    """

    pg2: Rate
    pg2_threshold: float | None
    pb2: Rate
    pb2_threshold: float | None


def pg2_pb2(predictions: Predictions, point: OperatingPoint, confidence: float = 0.95) -> Pair:
    """PG2 and PB2 with one threshold for all classes, nobody asked; intervals at that threshold.

    A part's score is that of its strongest find which counts.
    """
    found = weighed(predictions, point)
    counts = found.boxes > IGNORED
    score = np.zeros(found.units)
    np.maximum.at(score, found.box_part[counts], predictions.boxes.score[counts])
    bad, good = np.sort(score[found.worst > IGNORED]), np.sort(score[found.worst == IGNORED])
    pg2_at = pb2_at = None
    released = rejected = 0
    if len(bad):
        # The highest threshold that loses at most 2 %: the score of the first bad one to keep.
        pg2_at = float(bad[int(len(bad) * TWO_PERCENT + 1e-9)])
        released = int(np.searchsorted(good, pg2_at, side="left")) if pg2_at else 0
    if len(good):
        kept = int(len(good) * TWO_PERCENT + 1e-9)
        pb2_at = float(np.nextafter(good[len(good) - 1 - kept], np.inf))
        rejected = int(len(bad) - np.searchsorted(bad, pb2_at, side="left"))
    return Pair(
        pg2=bounds.rate(released, len(good) if len(bad) else 0, confidence),
        pg2_threshold=pg2_at or None,
        pb2=bounds.rate(rejected, len(bad) if len(good) else 0, confidence),
        pb2_threshold=pb2_at,
    )
