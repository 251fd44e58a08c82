"""Draws layers on a CPU: only the pixels of each layer that show, as bytes, one warp a layer.

The GPU samples every layer over the whole square, which costs it nothing; a CPU would spend a tenth
of a second a picture on pixels that the next layer covers. What is drawn is the same: each shown
pixel is the bilinear sample of its source, the square's edge repeated beyond it.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from apps.defect_detection.training.pictures import PADDING, Pictures


class Layer(Protocol):
    """`linear` [B, 2, 2] · source pixel + `offset` [B, 2] = composed; `shows` [B, 4] of it."""

    @property
    def source(self) -> torch.Tensor: ...
    @property
    def linear(self) -> torch.Tensor: ...
    @property
    def offset(self) -> torch.Tensor: ...
    @property
    def shows(self) -> torch.Tensor: ...


def draw(pictures: Pictures, layers: Sequence[Layer]) -> torch.Tensor:
    """The layers over grey, later ones on top: [B, C, S, S] uint8 on the CPU.

    OpenCV rounds places in the source to 1/32 pixel, so a value may differ from an exact bilinear
    sample by that share of the local contrast.
    """
    count, size = len(layers[0].source), pictures.size
    canvas = np.full((count, pictures.pixels.shape[1], size, size), PADDING, np.uint8)
    for layer in layers:
        linear = layer.linear.double().numpy()
        back = np.linalg.inv(linear)
        offset = layer.offset.double().numpy()
        shows = layer.shows.double().numpy()
        for at, source in enumerate(layer.source.tolist()):
            area = _area(linear[at], offset[at], shows[at], size)
            if area is None:
                continue
            left, top, right, bottom = area
            # Pixel 0 has its centre at 0.5 on both sides; the area's own corner is its origin.
            shift = back[at] @ (np.array([left + 0.5, top + 0.5]) - offset[at]) - 0.5
            matrix = np.concatenate((back[at], shift[:, None]), 1)
            for channel, plane in enumerate(pictures.pixels[source].numpy()):
                canvas[at, channel, top:bottom, left:right] = cv2.warpAffine(
                    plane,
                    matrix,
                    (right - left, bottom - top),
                    flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                    borderMode=cv2.BORDER_REPLICATE,
                )
    return torch.from_numpy(canvas)


def _area(
    linear: NDArray[np.float64], offset: NDArray[np.float64], shows: NDArray[np.float64], size: int
) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the composed pixels whose centres show; None: no pixel does.

    Exact, for turns keep rectangles upright.
    """
    if not (shows[2:] > shows[:2]).all():
        return None
    placed = shows.reshape(2, 2) @ linear.T + offset
    low, high = placed.min(0), placed.max(0)
    left, top = (max(0, math.ceil(edge - 0.5)) for edge in low)
    right, bottom = (min(size, math.ceil(edge - 0.5)) for edge in high)
    return (left, top, right, bottom) if left < right and top < bottom else None
