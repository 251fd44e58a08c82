"""Predictions for tests: pictures line by line, and populations whose rates are known exactly."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.defect_detection.operating.at_point import rates
from apps.defect_detection.operating.boxes import Boxes
from apps.defect_detection.operating.limits import Limit
from apps.defect_detection.operating.predictions import Predictions, read
from apps.defect_detection.schema import OperatingPoint

CLASSES = ("pit", "scratch")
Found = Sequence[tuple[str, float]]


def line(
    name: str, truth: Sequence[str] = (), found: Found = (), group: str = "", split: str = "test"
) -> str:
    """One picture whose n-th defect and n-th find lie on the same spot."""
    spots = [[10 + 60 * n, 10, 40 + 60 * n, 30] for n in range(max(len(truth), len(found)))]
    said: dict[str, Any] = {
        "name": name, "group": group, "split": split, "width": 640, "height": 480,
        "truth": [[*spots[n], label] for n, label in enumerate(truth)],
        "boxes": [[*spots[n], score, label] for n, (label, score) in enumerate(found)],
    }  # fmt: skip
    return json.dumps(said)


def predictions(*lines: str) -> Predictions:
    """Those lines, read."""
    return read(lines, CLASSES)


@dataclass(frozen=True, kw_only=True)
class Population:
    """N parts to draw from, each as likely as any other.

    Attributes:
        scores: the best score of a find, per picture and class; 0 for none [N, pictures, classes].
        defect: the class of the defect every picture of a bad part shows; -1 for good parts [N].
    """

    scores: np.ndarray
    defect: np.ndarray

    def draw(self, random: np.random.Generator, parts: int) -> Predictions:
        """An independent sample."""
        chosen = random.integers(0, len(self.defect), parts)
        return Population(scores=self.scores[chosen], defect=self.defect[chosen]).all()

    def all(self) -> Predictions:
        """Every part, as predictions."""
        parts, pictures, _classes = self.scores.shape
        scores = self.scores.reshape(parts * pictures, -1)
        defect = np.repeat(self.defect, pictures)
        owner, label = np.nonzero(scores > 0)
        drawn = np.flatnonzero(defect >= 0)
        place = np.full(len(defect), -1)
        place[drawn] = np.arange(len(drawn))
        pairs = np.stack([place[owner], np.arange(len(owner))], axis=1)
        return Predictions(
            classes=CLASSES,
            names=tuple(map(str, range(len(defect)))),
            size=np.tile(np.array([640, 480]), (len(defect), 1)),
            part=np.repeat(np.arange(parts), pictures),
            parts=tuple(map(str, range(parts))),
            split=np.full(len(defect), 2),
            truth=_boxes(drawn, defect[drawn], np.ones(len(drawn))),
            boxes=_boxes(owner, label, scores[owner, label]),
            on=pairs[pairs[:, 0] >= 0],
        )

    def rate(self, point: OperatingPoint, limit: Limit) -> float:
        """The true rate of what `limit` counts, at `point`."""
        found = rates(self.all(), point)
        one = (
            next(each for each in found.classes if each.label == limit.label)
            if limit.label
            else found
        )
        value = (one.escape if limit.kind == "escape" else one.overkill).value
        assert value is not None
        return value


def _boxes(owner: np.ndarray, label: np.ndarray, score: np.ndarray) -> Boxes:
    corners = np.tile(np.array([10.0, 10.0, 40.0, 30.0]), (len(owner), 1))
    usual = np.full(len(owner), 2)
    return Boxes(owner=owner, label=label, score=score, corners=corners, usual=usual)
