"""Many images at once through one device; the boxes are those of `inference.detect`.

Views of large images, tiles and overview, are pictures of the same batch: they are cut out of the
image where it lies on the device, and only their boxes come back.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from apps.defect_detection.inference import postprocess, tiles
from apps.defect_detection.inference.detect import Found, Options
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import weights_of
from apps.defect_detection.inference.runtimes.torch import module_of
from core_kernels.dispatch.frames import View
from core_kernels.modules.frame_detector import BUCKETS, Batch, FrameDetector, Part
from loupe.contract.runtime.errors import InputRefused

Pixels = NDArray[np.uint8]
Rows = postprocess.Rows


class GpuDetector:
    """A detector's weights on one device, for calls from several threads.

    Args:
        artefact: the verified folder.
        manifest: its manifest; it must name an architecture that torch can build.
        device: ``cuda``, ``cuda:1`` …; ``cpu`` does the same steps there, in fp32.
        compiled: put the network behind `torch.compile`, which takes a minute for each batch size.

    Raises:
        ModelRefused: the manifest or the weights cannot be used.
    """

    def __init__(
        self,
        artefact: Path,
        manifest: Mapping[str, Any],
        *,
        device: str = "cuda",
        compiled: bool = False,
    ) -> None:
        self.model = DetectorModel.from_manifest(manifest)
        self._frames = FrameDetector(
            module_of(weights_of(artefact, manifest, "torch")),
            size=self.model.size,
            device=device,
            final=self.model.head == "end2end",
            compiled=compiled,
            most=postprocess.MAX_BOXES,
        )

    def ready(self) -> None:
        """Record every batch size before anybody waits for one."""
        self._frames.ready()

    def detect(self, images: Sequence[Pixels], options: Options) -> list[Found]:
        """Find defects in each image [H, W, 3] uint8 BGR.

        Raises:
            InputRefused: an array is not a picture of that form.
        """
        views = [self._views(index, image, options) for index, image in enumerate(images)]
        rows = iter(self._rows(images, [part for parts in views for part in parts], options))
        return self._joined(views, rows)

    def look(self, data: Tensor, frames: Sequence[View], options: Options) -> list[Found]:
        """Find defects in frames that lie on the device already, decoded there.

        Args:
            data: bytes, one dimension.
            frames: where in `data` each frame lies.
        """
        parts = [
            self._parts(index, frame.width, frame.height, options)
            for index, frame in enumerate(frames)
        ]
        flat = [part for each in parts for part in each]
        views = [
            frames[part.frame].part(part.left, part.top, part.width, part.height) for part in flat
        ]
        batches = [
            Batch(data=data, views=views[start : start + BUCKETS[-1]])
            for start in range(0, len(views), BUCKETS[-1])
        ]
        found = self._frames.stream(
            batches, score_floor=options.score_floor, overlap=options.overlap
        )
        return self._joined(parts, (rows for batch in found for rows in batch))

    @staticmethod
    def _joined(views: Sequence[Sequence[Part]], rows: Iterator[Rows]) -> list[Found]:
        """What was found in the parts of each image as that image's boxes."""
        found = []
        for parts in views:
            if len(parts) == 1:
                found.append(Found(boxes=next(rows), tiles=1))
                continue
            moved = [_moved(next(rows), part) for part in parts]
            boxes = tiles.merge(np.concatenate(moved))[: postprocess.MAX_BOXES]
            found.append(Found(boxes=boxes, tiles=len(parts)))
        return found

    def _views(self, index: int, image: Pixels, options: Options) -> list[Part]:
        """The image as a whole, and the tiles of a large one."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise InputRefused(
                f"The image is {image.dtype} {list(image.shape)}; the detector takes uint8 "
                "[H, W, 3]."
            )
        height, width = image.shape[:2]
        return self._parts(index, width, height, options)

    def _parts(self, index: int, width: int, height: int, options: Options) -> list[Part]:
        size = self.model.size
        whole = Part(frame=index, left=0, top=0, width=width, height=height)
        if max(width, height) <= max(options.tile_above, size):
            return [whole]
        return [whole] + [
            Part(frame=index, left=left, top=top, width=size, height=size)
            for left, top in tiles.corners(width, height, size)
        ]

    def _rows(self, images: Sequence[Pixels], parts: list[Part], options: Options) -> list[Rows]:
        """The boxes of each part, in batches of what a graph holds at most."""
        batches = []
        for start in range(0, len(parts), BUCKETS[-1]):
            some = parts[start : start + BUCKETS[-1]]
            first = some[0].frame
            local = [
                Part(
                    frame=part.frame - first,
                    left=part.left,
                    top=part.top,
                    width=part.width,
                    height=part.height,
                )
                for part in some
            ]
            batches.append(Batch(frames=images[first : some[-1].frame + 1], parts=local))
        found = self._frames.stream(
            batches, score_floor=options.score_floor, overlap=options.overlap
        )
        return [rows for batch in found for rows in batch]


def _moved(rows: Rows, part: Part) -> Rows:
    rows[:, 0:4:2] += part.left
    rows[:, 1:4:2] += part.top
    return rows
