"""JPEG bytes to frames on a device, in one batch: nvJPEG on a GPU, libjpeg-turbo on the CPU."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

from core_kernels.dispatch.frames import View
from core_kernels.runtimes.losing import is_lost
from loupe.contract.runtime.errors import DecodeElsewhere

Bytes = NDArray[np.uint8]


def decoded(files: Sequence[Bytes], device: torch.device) -> tuple[Tensor, list[View]]:
    """The files' pixels in one tensor of bytes on `device`, and where in it each frame lies.

    Raises:
        DecodeElsewhere: one of them is not decoded here; the sandbox says what is wrong with it.
    """
    try:
        found: list[Tensor] = decode_jpeg(
            [torch.from_numpy(np.array(one)) for one in files],
            mode=ImageReadMode.RGB,
            device=device,
        )
    except RuntimeError as error:
        if device.type == "cuda" and is_lost(error):
            raise
        raise DecodeElsewhere(
            f"A JPEG of {len(files)} is not decoded on {device}: {error}."
        ) from error
    views, first = [], 0
    for picture in found:
        _, height, width = picture.shape
        views.append(
            View(first=first, row=width, pixel=1, colour=height * width, width=width, height=height)
        )
        first += picture.numel()
    flat = [picture.reshape(-1) for picture in found]
    return flat[0] if len(flat) == 1 else torch.cat(flat), views  # one alone is not copied
