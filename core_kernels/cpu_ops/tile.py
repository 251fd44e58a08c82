"""`tile` on a CPU: each tile is a frame of its own that `letterbox` need not scale."""

import torch
from torch import Tensor

from core_kernels.cpu_ops.letterbox import letterbox


def tile(
    frame: Tensor, places: Tensor, size: int, blue_first: bool, dtype: torch.dtype, padding: int
) -> Tensor:
    """As the reference, bit for bit."""
    height, width, channels = frame.shape
    row, pixel, colour = frame.stride()
    first, colour = 0, colour if channels == 3 else 0
    if blue_first:
        first, colour = 2 * colour, -colour
    table = []
    for left, top in places.tolist():
        wide, tall = min(width - left, size), min(height - top, size)
        start = first + top * row + left * pixel
        x, y = (size - wide) // 2, (size - tall) // 2
        table.append((0, start, row, pixel, colour, wide, tall, wide, tall, x, y))
    span = (height - 1) * row + (width - 1) * pixel + (channels - 1) * abs(colour) + 1
    data = frame.as_strided((span,), (1,), frame.storage_offset())
    views = torch.tensor(table, dtype=torch.int64).reshape(len(table), 11)
    return letterbox([data], views, size, size, dtype, padding, False)[0]
