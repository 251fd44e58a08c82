"""The detector resident in the engine: letterbox or tiles, forward, boxes in source pixels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from apps.defect_detection.inference.detect import Options, detect
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import open_runtime
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Clock


class DetectorRunner:
    """A `Runner`. A request carries ``image`` [H, W, 3] uint8 BGR and the options of `Options`."""

    def __init__(self, artefact: Path, manifest: Mapping[str, Any]) -> None:
        self.model = DetectorModel.from_manifest(manifest)
        self.runtime = open_runtime(artefact, manifest)

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        """Answer each request with ``boxes`` [N, 6] float32: x1, y1, x2, y2, score, class."""
        return [self._one(request, clock) for request in requests]

    def _one(self, request: Payload, clock: Clock) -> Payload:
        options = Options.from_meta(request.meta)
        found = detect(self.runtime, self.model, request.arrays["image"], options, clock)
        meta = dict(request.meta)
        meta.update(
            classes=list(self.model.classes),
            severities=dict(self.model.severities),
            tiles=found.tiles,
            runtime=self.runtime.name,
        )
        return Payload(arrays={"boxes": found.boxes}, meta=meta)

    def close(self) -> None:
        """Free the compiled network."""
        self.runtime.close()
