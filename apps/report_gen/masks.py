"""Masks as text: zlib of the voxels, in base64, as a result keeps them.

Lesions fill few voxels, so a mask of eight million takes some kilobytes.
"""

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from apps.report_gen.schema import Masks
from loupe.contract.runtime.errors import InputRefused

LEVEL: Final = 6
REGIONS: Final = np.dtype("<u2")


def packed(voxels: NDArray[np.integer]) -> str:
    """Voxels in C order as text."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(voxels).tobytes(), LEVEL)).decode()


def unpacked(text: str, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Back again; never more bytes than `shape` says.

    Raises:
        InputRefused: the text is damaged or holds another number of voxels.
    """
    wanted = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        reader = zlib.decompressobj()
        data = reader.decompress(base64.b64decode(text, validate=True), wanted + 1)
    except (binascii.Error, ValueError, zlib.error) as cause:
        raise _damaged(wanted) from cause
    if len(data) != wanted:
        raise _damaged(wanted)
    return np.frombuffer(data, dtype).reshape(tuple(shape))


def labels_of(masks: Masks) -> NDArray[np.uint8]:
    """uint8 [slice, row, column] of `Masks.grid`: the `label` of focal findings, 0 elsewhere."""
    return unpacked(masks.labels, masks.grid.shape, np.uint8)


def region_of(masks: Masks, kind: str) -> NDArray[np.bool_]:
    """bool [slice, row, column] of `Masks.region_grid`: where a kind of finding is.

    Raises:
        InputRefused: the masks say nothing of that kind.
    """
    if kind not in masks.region_kinds:
        raise InputRefused(
            f"The masks hold no region of {kind!r}; they hold {', '.join(masks.region_kinds)}.",
            code="no_region",
        )
    bits = unpacked(masks.regions, masks.region_grid.shape, REGIONS)
    return (bits >> masks.region_kinds.index(kind) & 1).astype(np.bool_)


def as_bits(regions: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """bool [K, …] with at most 16 kinds as uint16 […]: bit k from regions[k]."""
    bits = np.zeros(regions.shape[1:], REGIONS)
    for number, region in enumerate(regions):
        bits |= region.astype(REGIONS) << np.uint16(number)
    return bits


def _damaged(wanted: int) -> InputRefused:
    return InputRefused(
        f"The mask of a result is damaged: {wanted:,} bytes of voxels are needed. Read the study "
        "again.",
        code="mask_damaged",
    )
