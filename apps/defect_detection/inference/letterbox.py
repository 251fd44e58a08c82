"""Scale an image into the network's square, as Ultralytics does it.

Bilinear without anti-aliasing (OpenCV's INTER_LINEAR), padding 114 around the middle, sides
rounded with ``round(d ± 0.1)``; then BGR to RGB, divided by 255, channels first, fp32.
"""

import threading
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

PADDING = 114
_buffers = threading.local()


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where an image lies in the square: scales per axis, and the corner in network pixels."""

    size: int
    width: int
    height: int
    inner_width: int
    inner_height: int
    left: int
    top: int

    @classmethod
    def of(cls, width: int, height: int, size: int) -> "Placement":
        """Place an image of `width` × `height` pixels into a square of `size`."""
        scale = min(size / height, size / width)
        inner_width, inner_height = max(round(width * scale), 1), max(round(height * scale), 1)
        return cls(
            size=size,
            width=width,
            height=height,
            inner_width=inner_width,
            inner_height=inner_height,
            left=round((size - inner_width) / 2 - 0.1),
            top=round((size - inner_height) / 2 - 0.1),
        )

    def to_source(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Corner boxes [N, 4] in network pixels to source pixels, cut at the image's edge."""
        out = boxes.copy()
        out[:, 0::2] = (out[:, 0::2] - self.left) / (self.inner_width / self.width)
        out[:, 1::2] = (out[:, 1::2] - self.top) / (self.inner_height / self.height)
        np.clip(out[:, 0::2], 0, self.width, out=out[:, 0::2])
        np.clip(out[:, 1::2], 0, self.height, out=out[:, 1::2])
        return out


def letterbox(image: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], Placement]:
    """Return the square [size, size, 3] uint8 BGR picture and where the image lies in it."""
    height, width = image.shape[:2]
    place = Placement.of(width, height, size)
    inner = image
    if (width, height) != (place.inner_width, place.inner_height):
        inner = cv2.resize(
            image, (place.inner_width, place.inner_height), interpolation=cv2.INTER_LINEAR
        )
    if inner.shape[:2] == (size, size):
        return inner, place
    square = np.full((size, size, 3), PADDING, np.uint8)
    square[
        place.top : place.top + place.inner_height, place.left : place.left + place.inner_width
    ] = inner
    return square, place


def to_network(square: NDArray[np.uint8], into: NDArray[np.float32]) -> None:
    """Write a BGR square [S, S, 3] into `into` [3, S, S]: RGB, 0 to 1."""
    for plane, channel in zip(into, reversed(cv2.split(square)), strict=True):
        np.divide(channel, np.float32(255), out=plane)


def as_input(square: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The network input [1, 3, S, S] of a BGR square [S, S, 3].

    It lies in memory of this thread, which the next call writes over.
    """
    held: dict[int, NDArray[np.float32]] = _buffers.__dict__.setdefault("held", {})
    size = len(square)
    if size not in held:
        held[size] = np.empty((1, 3, size, size), np.float32)
    to_network(square, held[size][0])
    return held[size]
