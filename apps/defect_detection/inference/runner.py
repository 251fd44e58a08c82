"""The detector resident in the engine: letterbox or tiles, forward, boxes in source pixels."""

import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from apps.defect_detection.inference.detect import Options, detect
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import open_runtime, weights_of
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Clock


class DetectorRunner:
    """A `Runner`. A request carries ``image`` [H, W, 3] uint8 BGR and the options of `Options`.

    One that carries ``embed``, boxes in pixels, is not inspected: it is told what those look like.
    """

    def __init__(self, artefact: Path, manifest: Mapping[str, Any]) -> None:
        self.model = DetectorModel.from_manifest(manifest)
        self.runtime = open_runtime(artefact, manifest)
        self._artefact, self._manifest = artefact, manifest
        self._embedder: Any = None
        self._opening = threading.Lock()

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        """Answer each request with ``boxes`` [N, 6] float32: x1, y1, x2, y2, score, class."""
        return [self._one(request, clock) for request in requests]

    def _one(self, request: Payload, clock: Clock) -> Payload:
        options = Options.from_meta(request.meta)
        if "embed" in request.meta:
            return self._embedded(request, options, clock)
        found = detect(self.runtime, self.model, request.arrays["image"], options, clock)
        meta = dict(request.meta)
        meta.update(
            classes=list(self.model.classes),
            severities=dict(self.model.severities),
            tiles=found.tiles,
            runtime=self.runtime.name,
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
