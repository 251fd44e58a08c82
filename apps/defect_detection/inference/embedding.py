"""What a place in a picture looks like, as the detector's own backbone sees it.

No second model: the network is cut off where its neck takes up the backbone's maps, run on the
view the detector itself would see, and the maps are averaged over the place. Two places are alike
where their vectors point the same way. Vectors of two models cannot be compared.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from apps.defect_detection.inference.letterbox import letterbox
from apps.defect_detection.inference.runtimes.openvino import of_pictures
from core_kernels.runtimes.openvino import settings
from loupe.contract.runtime.errors import InputRefused, ModelRefused

DIMENSIONS = 256
"""What larger vectors are projected to, at random but always alike."""
MOST_PLACES = 16
_SEED = 20_260_101

Vectors = NDArray[np.float32]
Place = tuple[float, float, float, float]


class Embedder:
    """The backbone of one model. Thread-safe, one view at a time."""

    def __init__(self, weights: Path, size: int) -> None:
        """Read the network of an ONNX file whose input is `size` pixels wide.

        Raises:
            ModelRefused: it is no detector with a backbone and a neck (``no_backbone``).
        """
        core = openvino.Core()
        core.set_property({"ENABLE_MMAP": True})
        try:
            backbone = of_pictures(_cut(core.read_model(weights)))
            compiled = core.compile_model(backbone, "CPU", settings("LATENCY"))
        except RuntimeError as error:
            raise ModelRefused(
                f"The backbone of {weights.name} cannot be run by itself: "
                f"{str(error).strip().splitlines()[-1][:200]}",
                code="no_backbone",
            ) from error
        self.size = size
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()

    def look(self, image: NDArray[np.uint8], places: Sequence[Place], tile_above: int) -> Vectors:
        """Unit vectors [N, D], D at most `DIMENSIONS`, one for each place x1, y1, x2, y2.

        Args:
            image: [H, W, 3] uint8 BGR.
            places: in pixels of `image`.
            tile_above: longer side in pixels above which the detector sees tiles, not the whole.
        """
        height, width = image.shape[:2]
        whole = max(width, height) <= max(tile_above, self.size)
        maps = self._maps(image) if whole else None
        found = []
        for place in places:
            left, top = 0, 0
            seen, view = maps, image
            if seen is None:
                left, top, view = window(image, place, self.size)
                seen = self._maps(view)
            found.append(_pooled(seen, _within(place, left, top, view, self.size), self.size))
        return np.stack(found)

    def _maps(self, view: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The backbone's maps [C, H, W] of one view."""
        square, _ = letterbox(view, self.size)
        with self._lock:
            self._request.infer([openvino.Tensor(np.ascontiguousarray(square)[None])])
            return [np.array(tensor.data)[0] for tensor in self._request.output_tensors]


def places_of(meta: Mapping[str, Any]) -> list[Place]:
    """The places a request asks about.

    Raises:
        InputRefused: they are no boxes, or none or more than `MOST_PLACES`.
    """
    places = meta.get("embed")
    if (
        not isinstance(places, list)
        or not 0 < len(places) <= MOST_PLACES
        or not all(_is_box(place) for place in places)
    ):
        raise InputRefused(
            f"embed must list 1 to {MOST_PLACES} boxes of four numbers.", code="bad_option"
        )
    return [(float(x1), float(y1), float(x2), float(y2)) for x1, y1, x2, y2 in places]


def window(image: NDArray[np.uint8], place: Place, size: int) -> tuple[int, int, NDArray[np.uint8]]:
    """A tile around a place, `size` pixels or more where that is larger: left, top, view."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = place
    side = int(max(size, x2 - x1, y2 - y1))
    left = int(min(max((x1 + x2 - side) / 2, 0), max(width - side, 0)))
    top = int(min(max((y1 + y2 - side) / 2, 0), max(height - side, 0)))
    return left, top, image[top : top + side, left : left + side]


def _is_box(place: object) -> bool:
    return (
        isinstance(place, list)
        and len(place) == 4
        and all(type(value) in (int, float) and abs(value) < 1e7 for value in place)
    )


def _within(place: Place, left: int, top: int, view: NDArray[np.uint8], size: int) -> Place:
    """The place in pixels of the network's square."""
    height, width = view.shape[:2]
    scale = min(size / height, size / width)
    across, down = (size - round(width * scale)) / 2, (size - round(height * scale)) / 2
    x1, y1, x2, y2 = place
    return (
        (x1 - left) * scale + across,
        (y1 - top) * scale + down,
        (x2 - left) * scale + across,
        (y2 - top) * scale + down,
    )


def _pooled(maps: Sequence[NDArray[np.float32]], place: Place, size: int) -> Vectors:
    """The maps averaged over a place, each to length 1, one behind the other, to length 1."""
    parts = []
    for each in maps:
        step = size / each.shape[2]
        columns = _cells(place[0] / step, place[2] / step, each.shape[2])
        rows = _cells(place[1] / step, place[3] / step, each.shape[1])
        parts.append(_unit(each[:, rows, columns].mean(axis=(1, 2))))
    vector = np.concatenate(parts)
    if len(vector) > DIMENSIONS:
        drawn = np.random.default_rng(_SEED).standard_normal((len(vector), DIMENSIONS))
        vector = vector @ drawn.astype(np.float32)
    return _unit(vector)


def _cells(low: float, high: float, count: int) -> slice:
    """The cells of a map that a stretch touches, at least one."""
    first = int(min(max(np.floor(low), 0), count - 1))
    return slice(first, int(min(max(np.ceil(high), first + 1), count)))


def _unit(vector: NDArray[Any]) -> Vectors:
    unit: Vectors = (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)
    return unit


def _cut(network: openvino.Model) -> openvino.Model:
    """The network up to the maps that its neck joins with what it has scaled up."""
    ends = []
    for op in network.get_ordered_ops():
        if op.get_type_name() != "Interpolate":
            continue
        for target in op.output(0).get_target_inputs():
            if target.get_node().get_type_name() == "Concat":
                ends += [
                    value
                    for value in target.get_node().input_values()
                    if value.get_node().get_friendly_name() != op.get_friendly_name()
                ]
    if not ends:
        raise ModelRefused(
            "The network has no neck that joins what it scales up, so its backbone cannot be told "
            "apart.",
            code="no_backbone",
        )
    return openvino.Model(ends, network.get_parameters(), "backbone")
