"""Preparing a volume that does not fit: read in chunks, resampled chunk by chunk, to the same bits.

Two chunks are in memory, the one that is resampled and the one being read; the result has the bits
of `volume_prepare` over the whole volume.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_kernels.dispatch.volume_prepare import (
    Millimetres,
    prepared_shape,
    slices_needed,
    volume_prepare,
)
from core_kernels.errors import ArgumentRefused
from core_kernels.transfer.chunks import Source, chunks, planes_within

CHUNK_BYTES = 32 * 2**20


def prepared_in_chunks(
    source: Source,
    *,
    spacing: Millimetres,
    target: Millimetres,
    windows: Sequence[tuple[float, float]],
    slope: float = 1.0,
    intercept: float = 0.0,
    dtype: torch.dtype = torch.float16,
    device: torch.device | str = "cpu",
    nbytes: int = CHUNK_BYTES,
) -> Tensor:
    """`volume_prepare` of a whole volume of which two chunks at most are in memory.

    Args:
        source: int16 [D, H, W].
        spacing, target, windows, slope, intercept, dtype: see `volume_prepare`.
        device: where it is computed and where the result lies.
        nbytes: of a chunk; more where the filter along z needs more slices at once.

    Returns:
        [windows, slices, rows, columns] in `dtype` on `device`.

    Raises:
        ArgumentRefused: the volume has another form, a value is out of range, or a file ends early.
    """
    if source.dtype != np.dtype(np.int16) or len(source.shape) != 3:
        raise ArgumentRefused(
            f"source is {source.dtype} {tuple(source.shape)}; give int16 [D, H, W]."
        )
    device = torch.device(device)
    depth = source.shape[0]
    count, rows, columns = prepared_shape(source.shape, spacing, target)
    # The filter reaches this far; a slice that a chunk cannot make yet is whole in the next one.
    overlap = math.ceil(max(1.0, target[0] / spacing[0])) + 1
    planes = max(planes_within(source, nbytes), 4 * overlap)
    made = torch.empty((len(windows), count, rows, columns), dtype=dtype, device=device)
    start = 0
    for chunk in chunks(source, planes, overlap=overlap, buffer=_pinned(device)):
        held = chunk.start + len(chunk.planes)
        stop = start
        while (
            stop < count and slices_needed(depth, spacing[0], target[0], stop, stop + 1)[1] <= held
        ):
            stop += 1
        if stop == start:
            continue
        # Pinned memory is copied at full speed, and the buffer is free again when `to` returns.
        part = torch.from_numpy(chunk.planes).to(device)
        made[:, start:stop] = volume_prepare(
            part, spacing=spacing, target=target, windows=windows, slope=slope,
            intercept=intercept, dtype=dtype, depth=depth, first=chunk.start, start=start,
            stop=stop,
        )  # fmt: skip
        start = stop
    return made


def _pinned(device: torch.device) -> Any:
    """Makes a chunk's buffer: pinned where it is copied to a GPU."""

    def buffer(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        if device.type != "cuda":
            return np.empty(shape, dtype)
        made: NDArray[Any] = torch.empty(shape, dtype=torch.int16, pin_memory=True).numpy()
        return made

    return buffer
