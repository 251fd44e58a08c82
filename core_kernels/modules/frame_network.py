"""From frames where they lie to packed boxes, in one call that a graph can hold."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core_kernels.dispatch.detect_postprocess import detect_packed
from core_kernels.dispatch.letterbox import letterbox_packed


@dataclass(frozen=True, kw_only=True)
class FrameNetwork:
    """`letterbox`, a network, `detect_postprocess`.

    Attributes:
        network: [B, 3, size, size] red first, 0 to 1 → the head, or a sequence that begins with it.
        size: of the square picture, pixels.
        dtype: of the pictures.
        padding: grey level around a frame.
        channels_last: how the pictures lie in memory.
        final: the head is NMS-free, see `detect_postprocess`.
        most: boxes kept of a picture.
    """

    network: Any
    size: int
    dtype: torch.dtype
    padding: int
    channels_last: bool
    final: bool
    most: int

    def __call__(self, data: list[Tensor], table: Tensor, limits: Tensor) -> Tensor:
        """The boxes of the pictures that `table` describes, as `detect_packed` packs them.

        Args:
            data, table: as `letterbox_packed` takes them.
            limits: as `detect_packed` takes them.
        """
        pictures, placements = letterbox_packed(
            data, table, (self.size, self.size), dtype=self.dtype, padding=self.padding,
            channels_last=self.channels_last,
        )  # fmt: skip
        found = self.network(pictures)
        while not isinstance(found, Tensor):
            found = found[0]
        return detect_packed(found, placements, limits, most=self.most, final=self.final)
