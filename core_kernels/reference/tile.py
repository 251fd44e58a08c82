"""A large frame as overlapping tiles in network layout: corners and formula."""

import torch
from torch import Tensor

from core_kernels.reference.grey import scaled


def starts(length: int, size: int, overlap: int) -> list[int]:
    """Where tiles of `size` begin along an axis of `length`: evenly, the last ends at the edge.

    Neighbours share at least `overlap` pixels, so that what is no longer than that is whole in one.
    """
    if length <= size:
        return [0]
    count = -(-(length - overlap) // (size - overlap))
    return [round(index * (length - size) / (count - 1)) for index in range(count)]


def corners(width: int, height: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Left-top corners of square tiles that cover a frame, row by row, pixels."""
    return [
        (left, top)
        for top in starts(height, size, overlap)
        for left in starts(width, size, overlap)
    ]


def tile(
    frame: Tensor, places: Tensor, size: int, blue_first: bool, dtype: torch.dtype, padding: int
) -> Tensor:
    """Cut, pad, order colours and scale to 0..1, without resizing.

    Args:
        frame: uint8 [H, W, 3] or [H, W, 1], any strides.
        places: int32 [T, 2], left and top of each tile. Where the frame is smaller than a tile it
            lies in the middle of it, the odd pixel of padding at the right and at the bottom.

    Returns:
        [T, 3, size, size] in `dtype`, red first.
    """
    planes = frame.permute(2, 0, 1).expand(3, -1, -1)
    if blue_first:
        planes = planes.flip(0)
    shape = (len(places), 3, size, size)
    grey = torch.full(shape, padding, dtype=torch.uint8, device=frame.device)
    for index, (left, top) in enumerate(places.tolist()):
        part = planes[:, top : top + size, left : left + size]
        x, y = (size - part.shape[2]) // 2, (size - part.shape[1]) // 2
        grey[index, :, y : y + part.shape[1], x : x + part.shape[2]] = part
    return scaled(grey).to(dtype)
