"""The detector resident in the engine on a GPU: JPEG bytes or pixels in, boxes out.

Files that the engine let in undecoded are decoded on the device in one batch, and go from there
through letterbox, recorded network and suppression; only boxes come back. On ``cpu`` the same class
does the same steps.
"""

import threading
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import torch

from apps.defect_detection.inference import tiles
from apps.defect_detection.inference.detect import Found, Options
from apps.defect_detection.inference.gpu.decoding import decoded
from apps.defect_detection.inference.gpu.detector import GpuDetector
from apps.defect_detection.inference.runner import DetectorRunner
from core_kernels.runtimes.losing import first_line, is_lost
from loupe.contract.runtime.errors import DecodeElsewhere, DeviceLost, TemporarilyUnavailable
from loupe.contract.runtime.lanes import BUCKETS, Batching
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Clock


class GpuDetectorRunner(DetectorRunner):
    """A `Runner` for one device. A request carries ``image``, or ``encoded``: a JPEG's bytes."""

    def __init__(
        self, artefact: Path, manifest: Any, *, device: str, compiled: bool | None = None
    ) -> None:
        """Load the network onto the device.

        Args:
            compiled: put it behind torch's compiler, which takes a minute for each batch size when
                it is first used; by default what the manifest says under ``compiled``.

        Raises:
            DeviceLost: torch sees no such device.
            ModelRefused: the manifest names no architecture that torch can build.
        """
        self._device = torch.device(device)
        on_gpu = self._device.type == "cuda"
        if on_gpu and not torch.cuda.is_available():
            raise DeviceLost(f"torch sees no GPU, so {device} cannot be used.")
        before = torch.cuda.memory_reserved(self._device) if on_gpu else 0
        asked = manifest.get("compiled") is True if compiled is None else compiled
        self._detector = GpuDetector(artefact, manifest, device=device, compiled=asked)
        if not asked:  # torch's compiler would take minutes: there a first request waits
            self._detector.ready()
        self.model = self._detector.model
        self.runtime_name = f"torch-graphs {device}" if on_gpu else f"torch {device}"
        self.nbytes = torch.cuda.memory_reserved(self._device) - before if on_gpu else 0
        self._artefact, self._manifest = artefact, manifest
        self._embedder: Any = None
        self._opening = threading.Lock()

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        """Answer each request with ``boxes`` [N, 6] float32: x1, y1, x2, y2, score, class.

        Raises:
            DecodeElsewhere: a file cannot be decoded here.
            DeviceLost: the device stopped answering.
        """
        if any("embed" in request.meta for request in requests):
            return [self._placed(request, clock) for request in requests]
        try:
            found = self._found(requests, clock)
        except torch.OutOfMemoryError as error:
            raise TemporarilyUnavailable(
                f"{self._device} has no memory left for {len(requests)} pictures; try again later.",
                code="engine_memory",
            ) from error
        except RuntimeError as error:
            if self._device.type == "cuda" and is_lost(error):
                raise DeviceLost(f"{self._device} was lost: {first_line(error)}") from error
            raise
        return [self._told(*pair) for pair in zip(requests, found, strict=True)]

    @property
    def batching(self) -> Batching:
        """As many views as the largest graph takes; one call copies in while one computes."""
        return Batching(max_items=BUCKETS[-1], static=True, at_once=2)

    def group(self, request: Payload) -> str | None:
        """Requests of equal options go together, files and pixels apart."""
        if "embed" in request.meta:
            return None
        form = "encoded" if "encoded" in request.arrays else "image"
        return f"{form} {astuple(Options.from_meta(request.meta))}"

    def items(self, request: Payload) -> int:
        """Views: the picture as a whole, and its tiles where it is large."""
        options, size = Options.from_meta(request.meta), self.model.size
        width, height = _size_of(request)
        if max(width, height) <= max(options.tile_above, size):
            return 1
        return 1 + len(tiles.corners(width, height, size))

    def _found(self, requests: Sequence[Payload], clock: Clock) -> list[Found]:
        options = Options.from_meta(requests[0].meta)
        if "encoded" not in requests[0].arrays:
            with clock.stage("infer"):
                images = [request.arrays["image"] for request in requests]
                return self._detector.detect(images, options)
        with clock.stage("decode"):
            data, views = decoded([one.arrays["encoded"] for one in requests], self._device)
        with clock.stage("infer"):
            return self._detector.look(data, views, options)

    def _placed(self, request: Payload, clock: Clock) -> Payload:
        """What places look like is told from pixels on the host."""
        if "image" not in request.arrays:
            raise DecodeElsewhere("Places are looked at in pixels, so the file is decoded first.")
        return self._embedded(request, Options.from_meta(request.meta), clock)

    def close(self) -> None:
        """Free the network and its graphs."""
        del self._detector
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _size_of(request: Payload) -> tuple[int, int]:
    """Width and height in pixels."""
    image = request.arrays.get("image")
    if image is not None:
        return int(image.shape[1]), int(image.shape[0])
    width, height = request.meta.get("width", 0), request.meta.get("height", 0)
    return (
        width if isinstance(width, int) else 0,
        height if isinstance(height, int) else 0,
    )
