"""Labelled pictures, decoded once and kept as one tensor, on the GPU where they fit.

Each is scaled so that its longer side is the network's, as it is when it is inspected, and lies at
the top left of a square; grey sets keep one channel. What does not fit into memory lies in a file.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from apps.defect_detection.inference.decode import decode
from loupe.contract.runtime.errors import InputRefused

PADDING = 114
# Of the memory that is free on the device.
RESIDENT_SHARE = 0.4
# Of the machine's memory.
HELD_SHARE = 0.4

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A picture file, or a part of one, with its boxes.

    Attributes:
        boxes: [M, 5] class, x1, y1, x2, y2 in pixels of the file, or of the part.
        part: left, top, width and height of the part, pixels of the file.
    """

    path: Path
    boxes: NDArray[np.float32]
    part: tuple[int, int, int, int] | None = None


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
        held = self.pixels.device
        # A device may be named without its number.
        if held.type == device.type and device.index in (None, held.index):
            return self.pixels[indices.to(held, non_blocking=True)]
        return self.pixels[indices].to(device, non_blocking=True)


def load(
    items: Sequence[Labelled],
    size: int,
    device: torch.device,
    threads: int = 8,
    *,
    spill: Path | None = None,
    beat: Callable[[float, float], None] = lambda done, total: None,
) -> Pictures:
    """Decode `items` and put them on `device`, or into the CPU's memory when they do not fit.

    Args:
        spill: a file for the pixels when they fit into neither.
        beat: called after every picture with how many are done, of how many; may raise `Cancelled`.

    Raises:
        InputRefused: there are none, or a file is no picture.
        OSError: the disk has no room for `spill`.
    """
    if not items:
        raise InputRefused("The split holds no pictures; at least one is needed.")
    # Parts of one picture follow each other, so that it is decoded once.
    files = [list(group) for _, group in groupby(items, key=lambda item: item.path)]
    grey = True
    count, most = len(items), max(1, *(len(item.boxes) for item in items))
    sides, boxes = torch.zeros(count, 2), torch.zeros(count, most, 4)
    classes = torch.full((count, most), -1.0)
    pixels = _room(count, 1, size, spill)
    for at, (item, (picture, zoom)) in enumerate(_decoded(files, size, threads)):
        if grey and picture.ndim == 3:
            grey, pixels = False, _coloured(pixels, at, size, spill)
        colour = picture if picture.ndim == 3 or grey else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
        height, width = colour.shape[:2]
        planes = torch.from_numpy(colour.reshape(height, width, -1)).permute(2, 0, 1)
        pixels[at] = PADDING
        pixels[at, :, :height, :width] = planes
        sides[at] = torch.tensor([width, height])
        if len(item.boxes):
            labels = torch.from_numpy(np.ascontiguousarray(item.boxes, np.float32))
            boxes[at, : len(labels)] = labels[:, 1:] * zoom
            classes[at, : len(labels)] = labels[:, 0]
        beat(at + 1, count)
    if _fits(pixels, device):
        pixels = pixels.to(device)
    elif device.type == "cuda" and (spill is None or not spill.exists()):
        pixels = pixels.pin_memory()
    return Pictures(pixels=pixels, sides=sides, boxes=boxes, classes=classes)


def _decoded(
    files: list[list[Labelled]], size: int, threads: int
) -> Iterator[tuple[Labelled, tuple[Pixels, float]]]:
    """Every item with its picture, in order; a few files are decoded ahead."""
    with ThreadPoolExecutor(threads) as pool:
        ahead = deque(pool.submit(_decode, each, size) for each in files[: 2 * threads])
        waiting = iter(files[2 * threads :])
        for each in files:
            found = ahead.popleft().result()
            ahead.extend(pool.submit(_decode, more, size) for more in islice(waiting, 1))
            yield from zip(each, found, strict=True)


def _decode(items: list[Labelled], size: int) -> list[tuple[Pixels, float]]:
    """Of one file: RGB [H, W, 3] an item, or [H, W] when all is grey, and what it was scaled by."""
    try:
        whole = decode(items[0].path, {}).arrays["image"]
    except InputRefused as error:
        raise InputRefused(
            f"{items[0].path.name}: {error.message} Remove it from the set.", code=error.code
        ) from error
    return [_fitted(_cut(whole, item), size) for item in items]


def _cut(whole: Pixels, item: Labelled) -> Pixels:
    if item.part is None:
        return whole
    left, top, width, height = item.part
    return whole[top : top + height, left : left + width]


def _fitted(picture: Pixels, size: int) -> tuple[Pixels, float]:
    zoom = size / max(picture.shape[:2])
    if zoom != 1:
        height, width = (max(1, min(size, round(side * zoom))) for side in picture.shape[:2])
        # As `letterbox` does it when the model serves.
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    blue, green, red = picture[..., 0], picture[..., 1], picture[..., 2]
    if np.array_equal(blue, green) and np.array_equal(green, red):
        return np.ascontiguousarray(blue), zoom
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False), zoom


def _room(count: int, channels: int, size: int, spill: Path | None) -> torch.Tensor:
    """[count, channels, size, size] uint8, in memory, or in the file `spill` when that is small."""
    needed = count * channels * size * size
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if spill is None or needed < HELD_SHARE * memory:
        return torch.empty(count, channels, size, size, dtype=torch.uint8)
    with spill.open("wb") as file:
        # All of it now: a write into a mapped file that finds no room would kill the process.
        os.posix_fallocate(file.fileno(), 0, needed)
    flat = torch.from_file(str(spill), shared=True, size=needed, dtype=torch.uint8)
    return flat.view(count, channels, size, size)


def _coloured(grey: torch.Tensor, done: int, size: int, spill: Path | None) -> torch.Tensor:
    """Room for three channels, with the `done` grey pictures copied into each."""
    place = spill.with_suffix(".colour") if spill is not None else None
    pixels = _room(len(grey), 3, size, place)
    pixels[:done] = grey[:done]
    return pixels


def _fits(pixels: torch.Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return bool(pixels.numel() < RESIDENT_SHARE * free)
