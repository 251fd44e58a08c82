"""An evaluation's predictions: what people drew and what the model found, picture by picture.

One JSON object a line::

    {"name", "group", "split", "width", "height",
     "truth": [[x1, y1, x2, y2, class], …], "boxes": [[x1, y1, x2, y2, score, class], …]}

Corners are in source pixels; a class is its index or its name. Pictures of one `group` (a board, a
part, a lot) are one part; without a group a picture is a part of its own.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.operating.boxes import Boxes, Ints, no_boxes, usual_ranks
from apps.defect_detection.schema import Severity
from loupe.contract.runtime.errors import InputRefused

SPLITS = ("train", "val", "test")
COVERED = 0.5
"""A box is on a defect when they share at least this much of the smaller one's area: a long scratch
found by half is found."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """R pictures of U parts.

    Attributes:
        truth, boxes: `owner` is the picture.
        names: of the pictures [R].
        size: int64 [R, 2], width and height of the pictures in pixels.
        part: int64 [R], which part a picture shows.
        parts: the parts' names [U].
        split: int64 [R], the index into `SPLITS`.
        on: int64 [P, 2], pairs of a defect and a box that is on it.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    size: Ints
    part: Ints
    parts: tuple[str, ...]
    split: Ints
    truth: Boxes
    boxes: Boxes
    on: Ints

    def only(self, pictures: NDArray[np.bool_]) -> "Predictions":
        """Some of the pictures [R], with the parts they show."""
        kept = np.flatnonzero(pictures)
        place = np.full(len(self.names), -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        parts, part = np.unique(self.part[kept], return_inverse=True)
        truth, boxes = place[self.truth.owner] >= 0, place[self.boxes.owner] >= 0
        new_truth, new_box = np.cumsum(truth) - 1, np.cumsum(boxes) - 1
        on = self.on[truth[self.on[:, 0]]] if len(self.on) else self.on
        return Predictions(
            classes=self.classes,
            names=tuple(self.names[index] for index in kept),
            size=self.size[kept],
            part=part.astype(np.int64),
            parts=tuple(self.parts[index] for index in parts),
            split=self.split[kept],
            truth=self.truth.where(truth).of(place[self.truth.owner[truth]]),
            boxes=self.boxes.where(boxes).of(place[self.boxes.owner[boxes]]),
            on=np.stack([new_truth[on[:, 0]], new_box[on[:, 1]]], axis=1) if len(on) else on,
        )

    def held_out(self) -> "Predictions":
        """Only parts of which training has seen no picture."""
        seen = np.zeros(len(self.parts), dtype=bool)
        seen[self.part[self.split == SPLITS.index("train")]] = True
        return self if not seen.any() else self.only(~seen[self.part])

    def by_picture(self) -> "Predictions":
        """The same with every picture a part of its own."""
        return replace(self, part=np.arange(len(self.names)), parts=self.names)


def read(
    lines: Iterable[str | bytes],
    classes: Sequence[str],
    severities: Mapping[str, Severity] | None = None,
) -> Predictions:
    """Read predictions.

    Args:
        classes: of the model, in its order; classes named beside them are appended.
        severities: of the model's manifest.

    Raises:
        InputRefused: a line is damaged; the message names it.
    """
    known = list(classes)
    place = {name: index for index, name in enumerate(known)}
    parts: dict[str, int] = {}
    names: list[str] = []
    size: list[tuple[int, int]] = []
    part: list[int] = []
    split: list[int] = []
    truth: list[tuple[float, ...]] = []
    boxes: list[tuple[float, ...]] = []

    def index_of(said: object) -> int:
        if isinstance(said, str):
            if said not in place:
                place[said] = len(known)
                known.append(said)
            return place[said]
        if not isinstance(said, int) or not 0 <= said < len(known):
            raise ValueError(f"class {said!r} is not below {len(known)}")
        return said

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            said: dict[str, Any] = json.loads(line)
            owner = len(names)
            name = str(said["name"])
            names.append(name)
            size.append((int(said["width"]), int(said["height"])))
            # A picture's name and a group's never mean the same part.
            key = f"g:{said['group']}" if said.get("group") else f"p:{name}"
            part.append(parts.setdefault(key, len(parts)))
            split.append(SPLITS.index(said.get("split") or "test"))
            for x1, y1, x2, y2, label in said["truth"]:
                truth.append((owner, index_of(label), 1.0, x1, y1, x2, y2))
            for x1, y1, x2, y2, score, label in said["boxes"]:
                boxes.append((owner, index_of(label), score, x1, y1, x2, y2))
        except (KeyError, TypeError, ValueError) as error:
            raise InputRefused(
                f"Line {number} of the predictions is damaged: {error}. Evaluate the model again.",
                code="predictions_damaged",
            ) from error
    usual = usual_ranks(known, severities or {})
    drawn, found = _columns(truth, usual), _columns(boxes, usual)
    return Predictions(
        classes=tuple(known),
        names=tuple(names),
        size=np.array(size, dtype=np.int64).reshape(-1, 2),
        part=np.array(part, dtype=np.int64),
        parts=tuple(key[2:] for key in parts),
        split=np.array(split, dtype=np.int64),
        truth=drawn,
        boxes=found,
        on=_pairs(drawn, found, len(names)),
    )


def _columns(rows: list[tuple[float, ...]], usual: Ints) -> Boxes:
    if not rows:
        return no_boxes()
    table = np.array(rows, dtype=np.float64)
    if not np.isfinite(table).all():
        raise InputRefused(
            "The predictions hold numbers that are not finite. Evaluate the model again.",
            code="predictions_damaged",
        )
    label = table[:, 1].astype(np.int64)
    return Boxes(
        owner=table[:, 0].astype(np.int64),
        label=label,
        score=table[:, 2],
        corners=table[:, 3:7],
        usual=usual[label],
    )


def _pairs(truth: Boxes, boxes: Boxes, pictures: int) -> Ints:
    """Which boxes are on which defects [P, 2]; owners come in ascending order in both."""
    ends = np.searchsorted(boxes.owner, np.arange(pictures + 1))
    first, last = ends[truth.owner], ends[truth.owner + 1]
    lengths = last - first
    which = np.repeat(np.arange(len(truth.owner)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    box = np.repeat(first, lengths) + within
    one, other = truth.corners[which], boxes.corners[box]
    width = np.minimum(one[:, 2], other[:, 2]) - np.maximum(one[:, 0], other[:, 0])
    height = np.minimum(one[:, 3], other[:, 3]) - np.maximum(one[:, 1], other[:, 1])
    shared = np.clip(width, 0, None) * np.clip(height, 0, None)
    smaller = np.minimum(_area(one), _area(other))
    on = (shared > 0) & (shared >= COVERED * smaller)
    return np.stack([which[on], box[on]], axis=1).astype(np.int64)


def _area(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    size: NDArray[np.float64] = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    return size
