"""Labelled pictures, decoded once and kept as one tensor, on the GPU where they fit.

Each is scaled so that its longer side is the network's (as Ultralytics does) and lies at the top
left of a square; grey sets keep one channel.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from loupe.contract.runtime.errors import InputRefused

PADDING = 114
# Of the memory that is free on the device.
RESIDENT_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A picture file with its boxes, [M, 5] class, x1, y1, x2, y2 in pixels of the file."""

    path: Path
    boxes: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """N pictures ready for the network; labels stay on the CPU.

    `pixels` [N, C, S, S] uint8, C 1 or 3 (RGB); `sides` [N, 2] width and height in use;
    `boxes` [N, M, 4] x1, y1, x2, y2 in pixels of the square; `classes` [N, M], -1 where unused.
    """

    pixels: torch.Tensor
    sides: torch.Tensor
    boxes: torch.Tensor
    classes: torch.Tensor

    def __len__(self) -> int:
        return self.pixels.shape[0]

    @property
    def size(self) -> int:
        """Side of the square, pixels."""
        return int(self.pixels.shape[-1])

    def gather(self, indices: torch.Tensor, device: torch.device) -> torch.Tensor:
        """The pixels of `indices` (CPU, int64) on `device`, [B, C, S, S] uint8."""
        if self.pixels.device == device:
            return self.pixels[indices.to(device, non_blocking=True)]
        return self.pixels[indices].to(device, non_blocking=True)


def load(items: Sequence[Labelled], size: int, device: torch.device, threads: int = 8) -> Pictures:
    """Decode `items` and put them on `device`, or into the CPU's memory when they do not fit.

    Raises:
        InputRefused: there are none, or a file is no picture.
    """
    if not items:
        raise InputRefused("The split holds no pictures; at least one is needed.")
    with ThreadPoolExecutor(threads) as pool:
        decoded = list(pool.map(lambda item: _decode(item.path, size), items))
    grey = all(picture.ndim == 2 for picture, _ in decoded)
    count, channels = len(items), 1 if grey else 3
    most = max(1, *(len(item.boxes) for item in items))
    pixels = torch.full((count, channels, size, size), PADDING, dtype=torch.uint8)
    sides, boxes = torch.zeros(count, 2), torch.zeros(count, most, 4)
    classes = torch.full((count, most), -1.0)
    for at, (item, (picture, zoom)) in enumerate(zip(items, decoded, strict=True)):
        colour = picture if picture.ndim == 3 or grey else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
        height, width = colour.shape[:2]
        planes = torch.from_numpy(colour.reshape(height, width, channels)).permute(2, 0, 1)
        pixels[at, :, :height, :width] = planes
        sides[at] = torch.tensor([width, height])
        if len(item.boxes):
            labels = torch.from_numpy(np.ascontiguousarray(item.boxes, np.float32))
            boxes[at, : len(labels)] = labels[:, 1:] * zoom
            classes[at, : len(labels)] = labels[:, 0]
    if _fits(pixels, device):
        pixels = pixels.to(device)
    elif device.type == "cuda":
        pixels = pixels.pin_memory()
    return Pictures(pixels=pixels, sides=sides, boxes=boxes, classes=classes)


def _decode(path: Path, size: int) -> tuple[NDArray[np.uint8], float]:
    """RGB [H, W, 3], or [H, W] when every pixel is grey, and the factor it was scaled by."""
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(raw, cv2.IMREAD_COLOR) if len(raw) else None
    if picture is None:
        raise InputRefused(
            f"{path.name} is no picture that can be decoded. Remove it from the set."
        )
    zoom = size / max(picture.shape[:2])
    if zoom != 1:
        height, width = (max(1, min(size, round(side * zoom))) for side in picture.shape[:2])
        how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (width, height), interpolation=how)
    blue, green, red = picture[..., 0], picture[..., 1], picture[..., 2]
    if np.array_equal(blue, green) and np.array_equal(green, red):
        return np.ascontiguousarray(blue), zoom
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False), zoom


def _fits(pixels: torch.Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return bool(pixels.numel() < RESIDENT_SHARE * free)
