"""Frames of any size into one size, and what their table of views says: formula and geometry.

The arithmetic is that of OpenCV's INTER_LINEAR on bytes, bit for bit: weights of 11 bits, the
columns summed first, the sum shifted by 4 and each row's share by 16 before rounding at 2 bits.
The geometry is Ultralytics' LetterBox without `auto`: one scale, sides rounded to at least one
pixel, centred, the odd pixel of padding at the right and at the bottom.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

#: Columns of a table of views, int64: the tensor that holds the bytes and the first byte in it;
#: the steps in bytes from row to row, pixel to pixel and colour to colour (red first); the size,
#: pixels; the size and the left-top corner that it has in the network's picture.
COLUMNS = (
    "source", "first", "row", "pixel", "colour", "width", "height",
    "inner_width", "inner_height", "left", "top",
)  # fmt: skip

#: What `letterbox` says about each frame, fp32: a source pixel's size in network pixels, the corner
#: in network pixels, the size in source pixels. ``source = (network − corner) / scale``.
PLACEMENT = ("scale_x", "scale_y", "left", "top", "width", "height")


@lru_cache(maxsize=4096)
def placed(
    width: int, height: int, into_width: int, into_height: int, scaleup: bool = True
) -> tuple[int, int, int, int]:
    """Inner width, inner height, left and top of a frame in a picture of the other size, pixels.

    Without `scaleup` a frame that is smaller than the picture keeps its size.
    """
    scale = min(into_height / height, into_width / width)
    if not scaleup:
        scale = min(scale, 1.0)
    inner_width, inner_height = max(round(width * scale), 1), max(round(height * scale), 1)
    left = round((into_width - inner_width) / 2 - 0.1)
    top = round((into_height - inner_height) / 2 - 0.1)
    return inner_width, inner_height, left, top


def taps(length: int, inner: int, *, edge: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The two source positions and their weights (in 1/2048) of each of `inner` positions.

    Half-pixel centres. Along x (`edge`) a position outside takes the edge's pixel alone; along y
    both rows are the edge's and keep their weights, whose rounding then shows in the last bit.
    """
    scale = 1.0 / (inner / length)
    at = ((torch.arange(inner, dtype=torch.float64) + 0.5) * scale - 0.5).float()
    first = at.floor()
    share = at - first
    if edge:
        share = torch.where((first < 0) | (first >= length - 1), 0.0, share)
    low = first.long().clamp(0, length - 1)
    high = (first.long() + 1).clamp(0, length - 1)
    return low, high, ((1 - share) * 2048).round().long(), (share * 2048).round().long()


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
    data: list[Tensor], table: Tensor, height: int, width: int, dtype: torch.dtype, padding: int
) -> tuple[Tensor, Tensor]:
    """Resize, pad, order colours and scale to 0..1.

    Args:
        data: uint8 [bytes] each.
        table: int64 [B, 11], see `COLUMNS`; a row of zeros is a picture of padding.
        padding: grey level around the frame.

    Returns:
        pictures [B, 3, height, width] in `dtype`, red first, ``grey / 255``; placements [B, 6],
        see `PLACEMENT`.
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
    pictures: Tensor = (grey.float() / 255).to(dtype)
    return pictures, placements
