"""Axial slices as pictures, for browsers that cannot draw volumes."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.viewing.nifti import OFFSET, png

WINDOWS = {
    "lung": (-600.0, 1500.0),
    "mediastinum": (40.0, 400.0),
    "bone": (400.0, 1800.0),
    "liver": (70.0, 150.0),
}
"""Level and width in Hounsfield units."""


def read(path: Path) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Voxels [slice, row, column] and affine of a file that `volumes` wrote."""
    data = gzip.decompress(path.read_bytes())
    columns, rows, slices = struct.unpack_from("<3h", data, 42)
    affine = np.eye(4)
    affine[:3] = np.reshape(struct.unpack_from("<12f", data, 280), (3, 4))
    voxels = np.frombuffer(data, "<i2", count=columns * rows * slices, offset=OFFSET)
    return voxels.reshape(slices, rows, columns), affine


def axial(path: Path, number: int, window: str) -> bytes:
    """Slice `number` from the head downwards as PNG, as radiologists look at it: the patient's
    right on the left. Numbers beyond the volume show its first or last slice."""
    voxels, _ = read(path)
    at = len(voxels) - 1 - min(max(number, 0), len(voxels) - 1)
    level, width = WINDOWS.get(window, WINDOWS["lung"])
    share = np.clip((voxels[at].astype(np.float32) - (level - width / 2)) / width, 0, 1)
    return png((share[::-1, ::-1] * 255).astype(np.uint8))
