"""Where frames lie in memory: views that kernels read without a copy before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_kernels.errors import ArgumentRefused

Order = Literal["bgr", "rgb"]
Layout = Literal["hwc", "chw"]

#: Bytes that one frame may span: positions inside a frame are counted in 32 bits.
LARGEST = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class View:
    """A frame, or a part of one, in a tensor of bytes.

    Attributes:
        source: which tensor of a list.
        first: the byte of the first pixel's red value.
        row, pixel, colour: steps in bytes; colour is the step from red to green and on to blue.
        width, height: pixels.
    """

    source: int = 0
    first: int
    row: int
    pixel: int
    colour: int
    width: int
    height: int

    @classmethod
    def packed(
        cls, first: int, width: int, height: int, *, channels: int = 3, order: Order = "bgr"
    ) -> "View":
        """A frame [H, W, channels] that lies without gaps from byte `first` on."""
        blue_first = channels == 3 and order == "bgr"
        return cls(
            first=first + (2 if blue_first else 0),
            row=width * channels,
            pixel=channels,
            colour=-1 if blue_first else int(channels == 3),
            width=width,
            height=height,
        )

    def part(self, left: int, top: int, width: int, height: int) -> "View":
        """The part of this frame with that corner and size, cut at the frame's edge.

        Raises:
            ArgumentRefused: nothing of it lies in the frame.
        """
        width, height = min(width, self.width - left), min(height, self.height - top)
        if left < 0 or top < 0 or width < 1 or height < 1:
            raise ArgumentRefused(
                f"The part at ({left}, {top}) lies outside a frame of {self.width} × {self.height}."
            )
        first = self.first + top * self.row + left * self.pixel
        return replace(self, first=first, width=width, height=height)


def views_of(
    frames: Sequence[Tensor | NDArray[Any]],
    *,
    order: Order = "bgr",
    layout: Layout = "hwc",
    device: torch.device | str | None = None,
) -> tuple[list[Tensor], list[View]]:
    """The bytes of each frame as a flat tensor, and the views of the frames in them.

    Args:
        frames: uint8 [H, W, 3], [H, W, 1] or [H, W] ([C, H, W] with `layout` "chw").
        device: where the bytes should be; frames elsewhere are copied there.

    Raises:
        ArgumentRefused: a frame has another form, or frames lie on several devices.
    """
    data, views = [], []
    for index, frame in enumerate(frames):
        tensor = _tensor(frame)
        if device is not None and tensor.device != torch.device(device):
            tensor = tensor.to(device, non_blocking=True)
        view, span = _view(tensor, index, order, layout)
        data.append(tensor.as_strided((span,), (1,), tensor.storage_offset()))
        views.append(view)
    if len({one.device for one in data}) > 1:
        raise ArgumentRefused("The frames lie on several devices; say which one by device.")
    return data, views


def _tensor(frame: Tensor | NDArray[Any]) -> Tensor:
    if isinstance(frame, Tensor):
        return frame
    if not frame.flags.writeable or any(step < 0 for step in frame.strides):
        frame = np.array(frame)  # torch shares neither of these
    return torch.from_numpy(frame)


def _view(tensor: Tensor, index: int, order: Order, layout: Layout) -> tuple[View, int]:
    """The view of one frame in its own bytes, and how many bytes it spans."""
    whole = tensor.unsqueeze(-1 if layout == "hwc" else 0) if tensor.dim() == 2 else tensor
    if whole.dim() == 3 and layout == "chw":
        whole = whole.permute(1, 2, 0)
    if whole.dtype != torch.uint8 or whole.dim() != 3 or whole.shape[2] not in (1, 3):
        raise ArgumentRefused(
            f"frames[{index}] is {tensor.dtype} {tuple(tensor.shape)}; give uint8 [H, W, 3] or "
            '[H, W], or [3, H, W] with layout="chw".'
        )
    height, width, channels = whole.shape
    row, pixel, colour = whole.stride()
    if not whole.numel():
        raise ArgumentRefused(f"frames[{index}] is {width} × {height} pixels: it is empty.")
    span = (height - 1) * row + (width - 1) * pixel + (channels - 1) * colour + 1
    if span > LARGEST:
        raise ArgumentRefused(
            f"frames[{index}] spans {span} bytes; at most {LARGEST} fit: cut it into parts."
        )
    first, step = 0, colour if channels == 3 else 0
    if channels == 3 and order == "bgr":
        first, step = 2 * colour, -colour
    return View(
        source=index, first=first, row=row, pixel=pixel, colour=step, width=width, height=height
    ), span
