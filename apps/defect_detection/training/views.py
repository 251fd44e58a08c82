"""What the network sees of each picture in training: all of it, or tiles and an overview.

Large pictures are inspected in tiles (see `inference.detect`), so they are learned in tiles too.
"""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference.tiles import corners
from apps.defect_detection.training.collection import Sample
from apps.defect_detection.training.pictures import Labelled

TILE_ABOVE = 1600
"""Longer side in pixels from which on pictures are inspected in tiles, as operating points say."""
VISIBLE = 0.4  # of a box's area that must lie in a tile for the box to count there
EMPTY_TILES = 3  # without any box, per picture, beside as many as have some


def views(samples: Sequence[Sample], size: int, tiles: bool = True) -> list[Labelled]:
    """The views of `samples` for a network of `size` pixels; those of one picture in a row."""
    found: list[Labelled] = []
    for sample in samples:
        found.append(Labelled(path=sample.file, boxes=sample.boxes))
        if tiles and max(sample.width, sample.height) > max(TILE_ABOVE, size):
            found.extend(_tiles(sample, size))
    return found


def _tiles(sample: Sample, size: int) -> Iterator[Labelled]:
    """The tiles with boxes, and some of those without."""
    empty: list[Labelled] = []
    filled = 0
    for left, top in corners(sample.width, sample.height, size):
        width, height = min(size, sample.width - left), min(size, sample.height - top)
        part = (left, top, width, height)
        boxes = _inside(sample.boxes, part)
        view = Labelled(path=sample.file, boxes=boxes, part=part)
        if len(boxes):
            filled += 1
            yield view
        elif not len(_inside(sample.boxes, part, 0.0)):
            empty.append(view)
    # By chance, but always the same.
    empty.sort(key=lambda view: hashlib.sha256(f"{sample.name}{view.part}".encode()).digest())
    yield from empty[: filled + EMPTY_TILES]


def _inside(
    boxes: NDArray[np.float32], part: tuple[int, int, int, int], visible: float = VISIBLE
) -> NDArray[np.float32]:
    """The boxes [M, 5] of which more than `visible` lies in the part, cut, in its pixels."""
    left, top, width, height = part
    moved = boxes.copy()
    moved[:, 1::2] = np.clip(boxes[:, 1::2] - left, 0, width)
    moved[:, 2::2] = np.clip(boxes[:, 2::2] - top, 0, height)
    area = np.prod(boxes[:, 3:5] - boxes[:, 1:3], axis=1)
    seen = np.prod(moved[:, 3:5] - moved[:, 1:3], axis=1)
    return moved[seen > visible * area]
