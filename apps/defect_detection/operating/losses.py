"""Which parts a limit is about, and from which rung of a ladder on each one is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.operating.boxes import (
    IGNORED,
    MINOR,
    RANK_OF,
    Boxes,
    Floats,
    Ints,
    weights,
)
from apps.defect_detection.operating.ladder import Ladder, highest, rungs
from apps.defect_detection.operating.limits import Count, Kind, Limit
from apps.defect_detection.operating.predictions import Predictions
from apps.defect_detection.schema import DetectionResult, ImageFacts, OperatingPoint

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """Predictions under an operating point's rules on severity and size; thresholds left aside.

    Attributes:
        truth: what each drawn defect weighs; ignored ones are none by the specification.
        boxes: what each find weighs.
        worst: int64 [U], the weight of a part's worst defect; `IGNORED` for good parts.
    """

    predictions: Predictions
    truth: Ints
    boxes: Ints
    worst: Ints

    @property
    def truth_part(self) -> Ints:
        """The part of each drawn defect."""
        return self.predictions.part[self.predictions.truth.owner]

    @property
    def box_part(self) -> Ints:
        """The part of each find."""
        return self.predictions.part[self.predictions.boxes.owner]

    @property
    def units(self) -> int:
        """How many parts there are."""
        return len(self.predictions.parts)

    def about(self, limit: Limit) -> NDArray[np.bool_]:
        """The parts a limit counts [U]: good ones for overkill, else those with such a defect."""
        found = np.zeros(self.units, dtype=bool)
        if limit.kind == "overkill":
            found[self.worst == IGNORED] = True
            return found
        found[self.truth_part[self.defects_of(limit)]] = True
        return found

    def defects_of(self, limit: Limit) -> NDArray[np.bool_]:
        """The drawn defects a limit on escapes counts."""
        chosen = self.truth > IGNORED
        if limit.label:
            chosen &= self.predictions.truth.label == class_index(
                self.predictions.classes, limit.label
            )
        if limit.severity is not None:
            chosen &= self.truth >= RANK_OF[limit.severity]
        return chosen


def weighed(predictions: Predictions, point: OperatingPoint) -> Weighed:
    """Apply `point`'s rules on severity, size and places to defects and finds alike."""
    views = _views(predictions, point)
    truth = _weights(predictions, predictions.truth, point, views)
    boxes = _weights(predictions, predictions.boxes, point, views)
    worst = highest(predictions.part[predictions.truth.owner], truth, len(predictions.parts))
    return Weighed(predictions=predictions, truth=truth, boxes=boxes, worst=worst)


def _views(predictions: Predictions, point: OperatingPoint) -> list[str]:
    """Which view each picture is by its name; empty where no region or mask asks for it."""
    if not (point.picture.regions or point.picture.masks):
        return []
    return [
        point.view_of(
            DetectionResult(
                image=ImageFacts(width=width, height=height, channels=3, bits=8), file=name
            )
        )
        for name, (width, height) in zip(predictions.names, predictions.size.tolist(), strict=True)
    ]


def _weights(
    predictions: Predictions, boxes: Boxes, point: OperatingPoint, views: Sequence[str]
) -> Ints:
    rank = weights(boxes, predictions.classes, point)
    if not views:
        return rank
    for index, (owner, corners) in enumerate(
        zip(boxes.owner.tolist(), boxes.corners.tolist(), strict=True)
    ):
        width, height = predictions.size[owner].tolist()
        if rank[index] and point.picture.leaves_out(corners, (width, height), views[owner]):
            rank[index] = IGNORED
    return rank


def class_index(classes: Sequence[str], label: str) -> int:
    """The place of a class.

    Raises:
        ValueError: there is none of that name.
    """
    if label not in classes:
        raise ValueError(f"There is no class {label!r}; the classes are: {', '.join(classes)}.")
    return classes.index(label)


def caught(found: Weighed, ladder: Ladder, count: Count, limit: Limit) -> Ints:
    """How many of the lowest rungs catch each part [U], for a limit on escapes.

    A part is caught when it does not pass: it fails, or a person is asked. Counting defects, every
    one of its defects that the limit is about must have a find on it that does so.
    """
    counts = found.boxes > IGNORED
    reached = np.where(counts, rungs(found.predictions.boxes, ladder), 0)
    if count == "parts":
        return highest(found.box_part, reached, found.units)
    on = found.predictions.on
    best = highest(on[:, 0], reached[on[:, 1]], len(found.truth))
    wanted = found.defects_of(limit)
    level = np.full(found.units, NEVER)
    np.minimum.at(level, found.truth_part[wanted], best[wanted])
    return level


def failed(found: Weighed, ladder: Ladder, limit: Limit) -> Ints:
    """How many of the lowest rungs make each part fail [U], for a limit on overkill."""
    counts = found.boxes > MINOR
    if limit.label:
        counts &= found.predictions.boxes.label == class_index(
            found.predictions.classes, limit.label
        )
    reached = np.where(counts, rungs(found.predictions.boxes, ladder), 0)
    return highest(found.box_part, reached, found.units)


def losses(level: Ints, kind: Kind, length: int) -> Ints:
    """Losses at each rung [J] among parts whose lowest `level` rungs catch (escapes) or lose
    (overkill) them. Escapes never become fewer from rung to rung, overkill never more."""
    counts = np.bincount(np.minimum(level, length), minlength=length + 1)
    upto: Ints = np.cumsum(counts)[:length].astype(np.int64)  # parts whose level is at most j
    return upto if kind == "escape" else len(level) - upto


def best_scores(boxes: Boxes, part: Ints, chosen: NDArray[np.bool_], label: int) -> Floats:
    """For each chosen part [U] with a box of class `label`, the best score of one."""
    mine = (boxes.label == label) & chosen[part]
    best = np.zeros(len(chosen))
    np.maximum.at(best, part[mine], boxes.score[mine])
    scores: Floats = best[best > 0]
    return scores
