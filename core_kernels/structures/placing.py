"""Where a frame lies in a network's picture, which pixels that takes, and the table that says so.

The geometry is Ultralytics' LetterBox without `auto`: one scale, sides rounded to at least one
pixel, centred, the odd pixel of padding at the right and at the bottom. Positions and weights are
those of OpenCV's INTER_LINEAR on bytes.
"""

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


def pictures_empty(
    table: Tensor, height: int, width: int, dtype: torch.dtype, *, channels_last: bool
) -> Tensor:
    """Memory for a picture [3, height, width] a row of `table`, on its device."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    shape = (table.shape[0], 3, height, width)
    return torch.empty(shape, dtype=dtype, device=table.device, memory_format=layout)


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
