"""What reading is compared with: the script anyone would write, and the decoder by itself."""

import multiprocessing
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import decode
from pydicom import dcmread
from pydicom.encaps import generate_frames
from scipy import ndimage

WINDOWS: Final = ((-600.0, 1500.0), (40.0, 400.0), (300.0, 1500.0))
"""Centre and width of lung, soft tissue and bone, HU."""


def plain_volume(folder: Path) -> NDArray[np.float32]:
    """pydicom alone: read, sort by position, rescale, stack. Nothing is checked."""
    images = [dcmread(path) for path in folder.iterdir()]
    images.sort(key=lambda image: float(image.ImagePositionPatient[2]))
    return np.stack(
        [
            image.pixel_array.astype(np.float32) * float(image.RescaleSlope)
            + float(image.RescaleIntercept)
            for image in images
        ]
    )


def plain_windows(
    hu: NDArray[np.float32], spacing: tuple[float, ...], target: tuple[float, ...], order: int
) -> NDArray[np.float32]:
    """scipy's zoom, three windows after it; order 3 is its default, 1 is linear and aliases."""
    factors = [one / other for one, other in zip(spacing, target, strict=True)]
    small = ndimage.zoom(hu, factors, order=order)
    return np.stack(
        [
            np.clip((small - (centre - width / 2)) / width, 0.0, 1.0).astype(np.float32)
            for centre, width in WINDOWS
        ]
    )


def decoded_alone(folder: Path) -> int:
    """Every JPEG 2000 file decoded by pylibjpeg's decoder in two processes, and dropped.

    Returns how many.
    """
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(_decode, sorted(folder.iterdir()), chunksize=8))


def _decode(path: Path) -> int:
    image: Any = dcmread(path)
    decode(BytesIO(next(generate_frames(image.PixelData, number_of_frames=1))))
    return 1
