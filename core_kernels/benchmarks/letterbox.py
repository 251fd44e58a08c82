"""`letterbox` against OpenCV on the CPU and torch's interpolation on a GPU."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from core_kernels.benchmarks.harness import Case, Run
from core_kernels.dispatch.frames import views_of
from core_kernels.dispatch.letterbox import letterbox_packed, table_of
from core_kernels.structures.placing import placed

SIZE = 640
Frame = NDArray[np.uint8]


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """Frames of the network's size, which are not scaled, and of 5 megapixels."""
    on_gpu = device.type == "cuda"
    batches = (
        (64, 640, 640, False), (64, 640, 640, True), (64, 480, 640, False), (16, 2048, 2448, False),
    ) if on_gpu else (
        (1, 480, 640, False), (4, 640, 640, False), (4, 640, 640, True), (1, 2048, 2448, False),
    )  # fmt: skip
    for count, height, width, channels_last in batches:
        if quick:
            count, height, width = 2, height // 8, width // 8
        random = np.random.default_rng(0)
        frames = [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]
        label = f"{count} × {width}×{height} to {SIZE}²{', channels last' * channels_last}"
        yield _case(label, frames, device, channels_last=channels_last)


def _case(label: str, frames: list[Frame], device: torch.device, *, channels_last: bool) -> Case:
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    data, views = views_of(frames, device=device)
    table = table_of(views, (SIZE, SIZE)).to(device)

    def ours() -> Tensor:
        return letterbox_packed(
            data, table, (SIZE, SIZE), dtype=dtype, channels_last=channels_last
        )[0]

    def check() -> None:
        expected = by_opencv(frames, dtype)
        if not torch.equal(ours().cpu(), expected):
            raise AssertionError("pictures differ from OpenCV's.")

    on_device = [torch.from_numpy(frame).to(device) for frame in frames]
    peers: dict[str, Run | None] = {
        "OpenCV": lambda: by_opencv(frames, dtype).to(device),
        "torch interpolate": by_torch(on_device, dtype),
    }
    written = len(frames) * 3 * SIZE * SIZE * dtype.itemsize
    height, width = frames[0].shape[:2]
    _, inner_h, _, _ = placed(width, height, SIZE, SIZE)
    # Of a frame made much smaller only the rows with a weight are read.
    read = len(frames) * min(height, 2 * inner_h) * width * 3
    return Case(
        operation="letterbox", label=label, ours=ours, peers=peers, check=check,
        bytes=written + read, units=len(frames),
    )  # fmt: skip


def by_opencv(frames: list[Frame], dtype: torch.dtype) -> Tensor:
    """Resize, pad and turn as `predict` does it."""
    made = np.empty((len(frames), 3, SIZE, SIZE), np.float32)
    for picture, frame in zip(made, frames, strict=True):
        height, width = frame.shape[:2]
        inner_w, inner_h, left, top = placed(width, height, SIZE, SIZE)
        inner = frame
        if (width, height) != (inner_w, inner_h):
            inner = cv2.resize(frame, (inner_w, inner_h), interpolation=cv2.INTER_LINEAR)
        square = np.full((SIZE, SIZE, 3), 114, np.uint8)
        square[top : top + inner_h, left : left + inner_w] = inner
        for plane, channel in zip(picture, reversed(cv2.split(square)), strict=True):
            np.divide(channel, np.float32(255), out=plane)
    return torch.from_numpy(made).to(dtype)


def by_torch(frames: list[Tensor], dtype: torch.dtype) -> Callable[[], Tensor]:
    """The same steps frame by frame on the frames' device."""

    def run() -> Tensor:
        made = []
        for frame in frames:
            height, width = frame.shape[:2]
            inner_w, inner_h, left, top = placed(width, height, SIZE, SIZE)
            planes = frame.permute(2, 0, 1).flip(0)[None].to(dtype)
            if (width, height) != (inner_w, inner_h):
                planes = F.interpolate(planes, (inner_h, inner_w), mode="bilinear").round()
            edges = (left, SIZE - inner_w - left, top, SIZE - inner_h - top)
            made.append(F.pad(planes, edges, value=114) / 255)
        return torch.cat(made)

    return run
