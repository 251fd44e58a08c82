"""Frames of any size into one size: the formula.

The arithmetic is that of OpenCV's INTER_LINEAR on bytes, bit for bit: weights of 11 bits, the
columns summed first, the sum shifted by 4 and each row's share by 16 before rounding at 2 bits.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core_kernels.reference.grey import scaled
from core_kernels.structures.placing import PLACEMENT, pictures_empty, taps


@dataclass(frozen=True)
class _Plane:
    """One colour of a frame."""

    pixels: Tensor
    first: int
    row: int
    pixel: int

    def along_x(self, y: Tensor, x0: Tensor, x1: Tensor, a0: Tensor, a1: Tensor) -> Tensor:
        """Rows `y` resized along x, in 1/128 grey levels."""
        at = self.first + y * self.row
        near, far = self.pixels[at + x0 * self.pixel], self.pixels[at + x1 * self.pixel]
        summed: Tensor = (near * a0 + far * a1) >> 4
        return summed


def letterbox(
    data: list[Tensor], table: Tensor, height: int, width: int, dtype: torch.dtype,
    padding: int, channels_last: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Resize, pad, order colours and scale to 0..1.

    Args:
        data: uint8 [bytes] each.
        table: int64 [B, 11], see `placing.COLUMNS`; a row of zeros is a picture of padding.
        padding: grey level around the frame.
        channels_last: how the pictures lie in memory.

    Returns:
        pictures [B, 3, height, width] in `dtype`, red first, ``grey / 255``; placements [B, 6],
        see `placing.PLACEMENT`.
    """
    shape = (len(table), 3, height, width)
    grey = torch.full(shape, padding, dtype=torch.int64, device=table.device)
    placements = torch.zeros((len(table), len(PLACEMENT)), device=table.device)
    for index, row in enumerate(table.tolist()):
        source, first, step_y, step_x, step_c, w, h, inner_w, inner_h, left, top = row
        if not w:
            continue
        x0, x1, a0, a1 = (one.to(table.device) for one in taps(w, inner_w, edge=True))
        y0, y1, b0, b1 = (one.to(table.device)[:, None] for one in taps(h, inner_h, edge=False))
        for colour in range(3):
            plane = _Plane(data[source].long(), first + colour * step_c, step_y, step_x)
            upper, lower = plane.along_x(y0, x0, x1, a0, a1), plane.along_x(y1, x0, x1, a0, a1)
            value = (((b0 * upper) >> 16) + ((b1 * lower) >> 16) + 2) >> 2
            grey[index, colour, top : top + inner_h, left : left + inner_w] = value
        placements[index] = torch.tensor([inner_w / w, inner_h / h, left, top, w, h])
    pictures = pictures_empty(table, height, width, dtype, channels_last=channels_last)
    return pictures.copy_(scaled(grey).to(dtype)), placements
