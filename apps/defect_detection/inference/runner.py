"""The detector resident in the engine: letterbox or tiles, forward, boxes in source pixels."""

import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from apps.defect_detection.inference.detect import Found, Options, detect, detect_all, one_view
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import open_runtime, weights_of
from loupe.contract.runtime.lanes import Batching
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.signature import Signature, Tensor
from loupe.contract.runtime.steps import Clock


class DetectorRunner:
    """A `Runner`. A request carries ``image`` [H, W, 3] uint8 BGR and the options of `Options`.

    One that carries ``embed``, boxes in pixels, is not inspected: it is told what those look like.
    """

    SIGNATURE = Signature(
        inputs=(Tensor(name="image", datatype="UINT8", shape=(-1, -1, 3)),),
        outputs=(Tensor(name="boxes", datatype="FP32", shape=(-1, 6)),),
    )

    def __init__(self, artefact: Path, manifest: Mapping[str, Any]) -> None:
        self.model = DetectorModel.from_manifest(manifest)
        self.runtime = open_runtime(artefact, manifest)
        self.runtime_name = self.runtime.name
        self._artefact, self._manifest = artefact, manifest
        self._embedder: Any = None
        self._opening = threading.Lock()

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        """Answer each request with ``boxes`` [N, 6] float32: x1, y1, x2, y2, score, class."""
        if len(requests) > 1 and all(self.group(request) is not None for request in requests):
            return self._together(requests, clock)
        return [self._one(request, clock) for request in requests]

    @property
    def batching(self) -> Batching:
        """What the network gains from several pictures in a call."""
        return self.runtime.batching

    def group(self, request: Payload) -> str | None:
        """Pictures of one view go together, whatever their sizes: each becomes a square of the
        network's size. Tiled ones and places to embed are calls of their own."""
        image = request.arrays.get("image")
        if image is None or image.ndim != 3 or "embed" in request.meta:
            return None
        return "view" if one_view(image, self.model, Options.from_meta(request.meta)) else None

    def items(self, request: Payload) -> int:
        """One picture."""
        return 1

    def _together(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        options = [Options.from_meta(request.meta) for request in requests]
        images = [request.arrays["image"] for request in requests]
        found = detect_all(self.runtime, self.model, images, options, clock)
        return [self._told(*pair) for pair in zip(requests, found, strict=True)]

    def _one(self, request: Payload, clock: Clock) -> Payload:
        options = Options.from_meta(request.meta)
        if "embed" in request.meta:
            return self._embedded(request, options, clock)
        found = detect(self.runtime, self.model, request.arrays["image"], options, clock)
        return self._told(request, found)

    def _told(self, request: Payload, found: Found) -> Payload:
        meta = dict(request.meta)
        meta.update(
            classes=list(self.model.classes),
            severities=dict(self.model.severities),
            tiles=found.tiles,
            runtime=self.runtime_name,
        )
        return Payload(arrays={"boxes": found.boxes}, meta=meta)

    def _embedded(self, request: Payload, options: Options, clock: Clock) -> Payload:
        """``vectors`` [N, D] float32, one for each place."""
        embedding = import_module("apps.defect_detection.inference.embedding")
        places = embedding.places_of(request.meta)
        with self._opening:
            if self._embedder is None:
                weights = weights_of(self._artefact, self._manifest, "openvino")
                self._embedder = embedding.Embedder(weights, self.model.size)
        with clock.stage("embed"):
            seen = self._embedder.look(request.arrays["image"], places, options.tile_above)
        return Payload(arrays={"vectors": seen}, meta=dict(request.meta))

    def close(self) -> None:
        """Free the compiled network."""
        self.runtime.close()
