"""One image through the network: a single view, or tiles and an overview for large images."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference import postprocess, tiles
from apps.defect_detection.inference.letterbox import Placement, letterbox
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.postprocess import Rows
from apps.defect_detection.inference.runtimes.runtime import Looks, Runtime
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.steps import Clock

# Views of one large image that are in the network at once.
PARALLEL_VIEWS = 2


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a request may set; the defaults are those of the operating point.

    `every_class` is for evaluations only; see `postprocess.from_raw`.
    """

    score_floor: float = 0.1
    overlap: float = 0.7
    tile_above: int = 1600
    every_class: bool = False

    @classmethod
    def from_meta(cls, meta: Mapping[str, JsonValue]) -> "Options":
        """Read the options a request carries beside its image.

        Raises:
            InputRefused: a value is no number or out of range.
        """
        floor = _number(meta, "score_floor", cls.score_floor, 0.001, 1)
        overlap = _number(meta, "overlap", cls.overlap, 0.01, 1)
        above = _number(meta, "tile_above", cls.tile_above, 32, 1e6)
        return cls(score_floor=floor, overlap=overlap, tile_above=int(above))


@dataclass(frozen=True, kw_only=True)
class Found:
    """`boxes` [N, 6] x1, y1, x2, y2 (source pixels), score, class; highest score first."""

    boxes: Rows
    tiles: int


def detect(
    runtime: Looks,
    model: DetectorModel,
    image: NDArray[np.uint8],
    options: Options,
    clock: Clock,
) -> Found:
    """Find defects in `image` [H, W, 3] uint8 BGR.

    Memory beside the image: one fp32 network input a thread, whatever the image's size.

    Raises:
        InputRefused: the array is not a picture of that form.
    """
    _check(image)
    height, width = image.shape[:2]
    if one_view(image, model, options):
        return Found(boxes=_view(runtime, model, image, options, clock), tiles=1)
    views = [(0, 0, image)]
    for left, top in tiles.corners(width, height, model.size):
        views.append((left, top, image[top : top + model.size, left : left + model.size]))

    def look(view: tuple[int, int, NDArray[np.uint8]]) -> Rows:
        left, top, part = view
        rows = _view(runtime, model, part, options, clock)
        rows[:, 0:4:2] += left
        rows[:, 1:4:2] += top
        return rows

    with ThreadPoolExecutor(PARALLEL_VIEWS, thread_name_prefix="tiles") as pool:
        found = list(pool.map(look, views))
    with clock.stage("postprocess"):
        boxes = tiles.merge(np.concatenate(found))[: postprocess.MAX_BOXES]
    return Found(boxes=boxes, tiles=len(views))


def one_view(image: NDArray[Any], model: DetectorModel, options: Options) -> bool:
    """Whether the whole image is one picture for the network; larger ones are tiled."""
    return max(image.shape[:2]) <= max(options.tile_above, model.size)


def detect_all(
    runtime: Runtime,
    model: DetectorModel,
    images: Sequence[NDArray[np.uint8]],
    options: Sequence[Options],
    clock: Clock,
) -> list[Found]:
    """Find defects in images of one view each, in one call of the network.

    Raises:
        InputRefused: one of the arrays is not a picture of that form.
    """
    with clock.stage("preprocess"):
        for image in images:
            _check(image)
        placed = [letterbox(image, model.size) for image in images]
        squares = np.stack([square for square, _ in placed])
    with clock.stage("infer"):
        output = runtime.look_at_all(squares)
    with clock.stage("postprocess"):
        return [
            Found(boxes=_boxes(model, rows, place, wishes), tiles=1)
            for rows, (_, place), wishes in zip(output, placed, options, strict=True)
        ]


def _check(image: NDArray[Any]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise InputRefused(
            f"The image is {image.dtype} {list(image.shape)}; the detector takes uint8 [H, W, 3]."
        )


def _view(
    runtime: Looks,
    model: DetectorModel,
    part: NDArray[np.uint8],
    options: Options,
    clock: Clock,
) -> Rows:
    """Boxes of one view in its own pixels."""
    with clock.stage("preprocess"):
        square, place = letterbox(part, model.size)
    with clock.stage("infer"):
        output = runtime.look(np.ascontiguousarray(square))
    with clock.stage("postprocess"):
        return _boxes(model, output[0], place, options)


def _boxes(
    model: DetectorModel, output: NDArray[np.float32], place: Placement, options: Options
) -> Rows:
    """The head's output of one view as boxes in the view's own pixels."""
    if model.head == "end2end":
        rows = postprocess.from_end2end(output, options.score_floor)
    else:
        rows = postprocess.from_raw(
            output, options.score_floor, options.overlap, options.every_class
        )
    rows[:, :4] = place.to_source(rows[:, :4])
    return rows


def _number(
    meta: Mapping[str, JsonValue], name: str, default: float, low: float, high: float
) -> float:
    value = meta.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputRefused(
            f"{name} is {value!r}; it must be a number from {low:g} to {high:g}.", code="bad_option"
        )
    return float(value)
