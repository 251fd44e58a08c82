"""NIfTI-1 files, compressed for a viewer on the same machine: fast before small."""

import gzip
import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.errors import InputRefused

CODES = {np.dtype(np.uint8): (2, 8), np.dtype(np.int16): (4, 16)}
LEVEL = 1
OFFSET = 352
LONGEST = 32767


LABELS = 1002
"""NIFTI_INTENT_LABEL: numbers of things, never to be mixed with one another."""


def nifti(
    voxels: NDArray[np.generic], affine: NDArray[np.float64], *, labels: bool = False
) -> bytes:
    """A gzipped NIfTI-1 file of voxels [slice, row, column], uint8 or int16.

    Args:
        affine: 4 × 4, (column, row, slice, 1) to RAS mm.
        labels: the voxels are numbers of things.

    Raises:
        InputRefused: another type, or an axis longer than NIfTI-1 can say.
    """
    header = head(voxels.shape, voxels.dtype, affine, labels=labels)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=LEVEL, mtime=0) as file:
        file.write(header)
        # Slice by slice: a compressor holds what it is given.
        for plane in voxels:
            file.write(np.ascontiguousarray(plane).tobytes())
    return out.getvalue()


def head(
    shape: tuple[int, ...],
    dtype: np.dtype[np.generic],
    affine: NDArray[np.float64],
    *,
    labels: bool = False,
) -> bytes:
    """The 352 bytes before the voxels. https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h"""
    if np.dtype(dtype) not in CODES or len(shape) != 3 or max(shape) > LONGEST:
        raise InputRefused(
            f"A viewer's volume is uint8 or int16 of three axes of at most {LONGEST}; this is "
            f"{dtype} of {shape}.",
            code="volume_shape",
        )
    code, bits = CODES[np.dtype(dtype)]
    slices, rows, columns = shape
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    made = bytearray(OFFSET)
    struct.pack_into("<i", made, 0, 348)
    struct.pack_into("<8h", made, 40, 3, columns, rows, slices, 1, 1, 1, 1)
    struct.pack_into("<3h", made, 68, LABELS if labels else 0, code, bits)
    struct.pack_into("<8f", made, 76, 1.0, *spacing, 0, 0, 0, 0)
    struct.pack_into("<3f", made, 108, OFFSET, 1.0, 0.0)
    made[123] = 2  # millimetres
    struct.pack_into("<2h", made, 252, 0, 2)  # no quaternion; an affine in aligned coordinates
    struct.pack_into("<12f", made, 280, *affine[:3].ravel())
    made[344:348] = b"n+1\x00"
    return bytes(made)


def png(grey: NDArray[np.uint8]) -> bytes:
    """An 8-bit grey picture [row, column] as PNG."""
    return _png(grey, 0)


def png_colour(colour: NDArray[np.uint8]) -> bytes:
    """A picture [row, column, 3] of red, green and blue as PNG."""
    return _png(colour.reshape(len(colour), -1), 2)


def _png(lines: NDArray[np.uint8], kind: int) -> bytes:
    """Bytes of each row of a picture as PNG; `kind` is 0 for grey and 2 for three colours."""
    height, wide = lines.shape
    rows = np.zeros((height, wide + 1), np.uint8)
    rows[:, 1:] = lines
    width = wide // 3 if kind == 2 else wide

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(rows.tobytes(), LEVEL)),
            chunk(b"IEND", b""),
        )
    )
