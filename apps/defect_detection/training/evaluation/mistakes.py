"""The worst misses and false alarms, as pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.decide import RANK
from apps.defect_detection.inference.decode import decode
from apps.defect_detection.labels import DatasetAbout
from apps.defect_detection.training.average_precision import overlaps
from apps.defect_detection.training.evaluation.looking import Looked
from loupe.contract.runtime.panel import Mistake

MOST = 12  # of each kind
TOUCHING = 0.1  # IoU from which a box is about a defect, however badly
SIDE, MARGIN = 360, 1.5  # of the picture, pixels; context around the box, in its longer sides
LEAST = 64  # pixels of the source that are shown at least
# BGR; a white line lies below each, so that they stand out from any surface.
TRUE, FOUND, WHITE = (86, 160, 22), (38, 38, 220), (255, 255, 255)


@dataclass(frozen=True, kw_only=True)
class _Found:
    kind: str
    looked: Looked
    box: NDArray[np.float32]
    label: str
    score: float
    weight: float


def mistakes(
    looked: Sequence[Looked],
    classes: Sequence[str],
    threshold: float,
    about: DatasetAbout,
    folder: Path,
) -> tuple[Mistake, ...]:
    """Write the pictures below `folder` and return what they show, worst first.

    A miss is a true box that no box of its class above `threshold` touches; the worst are the most
    severe ones, least suspected. A false alarm touches no true box; the worst score highest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    misses, alarms = [], []
    for each in looked:
        misses += _misses(each, about, threshold)
        alarms += _alarms(each, classes, threshold)
    misses.sort(key=lambda one: (-one.weight, one.score))
    alarms.sort(key=lambda one: -one.score)
    found = []
    for kind, most in (("miss", misses[:MOST]), ("false_alarm", alarms[:MOST])):
        for number, one in enumerate(most, 1):
            name = f"{kind}-{number:02d}.png"
            cv2.imwrite(str(folder / name), _picture(one))
            found.append(
                Mistake(
                    kind="miss" if kind == "miss" else "false_alarm",
                    record=one.looked.sample.name,
                    label=one.label,
                    score=round(one.score, 4),
                    picture=name,
                )
            )
    return tuple(found)


def _misses(each: Looked, about: DatasetAbout, threshold: float) -> list[_Found]:
    found = []
    iou = overlaps(each.truth[:, :4], each.served[:, :4])
    for index, row in enumerate(each.truth):
        name = about.classes[int(each.sample.boxes[index, 0])]
        on_it = (iou[index] >= TOUCHING) & (each.served[:, 5] == row[4])
        score = float(each.served[on_it, 4].max(initial=0.0))
        if score < threshold:
            weight = RANK[about.severity_of(name)]
            found.append(
                _Found(kind="miss", looked=each, box=row, label=name, score=score, weight=weight)
            )
    return found


def _alarms(each: Looked, classes: Sequence[str], threshold: float) -> list[_Found]:
    iou = overlaps(each.truth[:, :4], each.served[:, :4])
    alone = (iou < TOUCHING).all(0) & (each.served[:, 4] >= threshold)
    return [
        _Found(
            kind="false_alarm",
            looked=each,
            box=row,
            label=classes[int(row[5])],
            score=float(row[4]),
            weight=0.0,
        )
        for row in each.served[alone]
    ]


def _picture(one: _Found) -> NDArray[np.uint8]:
    """The place with some context: true boxes green, the model's red."""
    image = decode(one.looked.sample.file, {}).arrays["image"]
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (float(value) for value in one.box[:4])
    side = max(LEAST, (1 + 2 * MARGIN) * max(x2 - x1, y2 - y1))
    side = min(side, max(width, height))
    left = int(min(max(0.0, (x1 + x2 - side) / 2), max(0.0, width - side)))
    top = int(min(max(0.0, (y1 + y2 - side) / 2), max(0.0, height - side)))
    part = image[top : top + int(side), left : left + int(side)]
    zoom = SIDE / max(part.shape[:2])
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    shown = cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=how)
    boxes = [(row, TRUE) for row in one.looked.truth]
    if one.kind == "false_alarm":
        boxes.append((one.box, FOUND))
    for row, colour in boxes:
        start = tuple(int((row[axis] - edge) * zoom) for axis, edge in ((0, left), (1, top)))
        end = tuple(int((row[axis] - edge) * zoom) for axis, edge in ((2, left), (3, top)))
        cv2.rectangle(shown, start, end, WHITE, 4)
        cv2.rectangle(shown, start, end, colour, 2)
    return np.asarray(shown, np.uint8)
