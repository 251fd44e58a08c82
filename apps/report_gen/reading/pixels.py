"""Stored values of one file's frames as Hounsfield units, the rescale applied once.

Offers `Place` (which frame of which image goes where) and `decode_file`.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian

from apps.report_gen.reading.codestream import claimed_size
from apps.report_gen.reading.faults import DAMAGE, faulty
from apps.report_gen.reading.headers import FileHeader, Image, is_compressed
from apps.report_gen.volume import HIGHEST, LOWEST
from loupe.contract.text import Text

Place = tuple[Image, int]
"""An image and its index in the stack."""

_WHOLE: Final = Text(en="pixels that can be decoded are needed", zh="需要可解码的像素")


def decode_file(places: Sequence[Place], into: NDArray[np.int16]) -> None:
    """Write the frames of one file into `into` [image, row, column], as Hounsfield units.

    All images of `places` are of the same file.

    Raises:
        Faulty: the pixels are cut short or damaged.
    """
    file = places[0][0].file
    content = file.source.read()
    if not is_compressed(file.transfer_syntax):
        for image, at in places:
            _rescale(_plain(file, content, image.frame), image, into[at])
        return
    try:
        dataset = dcmread(BytesIO(content), force=content[128:132] != b"DICM")
        decoder = get_decoder(UID(file.transfer_syntax))
        for image, at in places:
            _check_size(file, dataset.PixelData)
            array, _ = decoder.as_array(dataset, index=image.frame - 1, raw=True)
            if array.shape != (file.rows, file.columns):
                raise ValueError(f"decoded to {array.shape}")
            _rescale(array, image, into[at])
    except MemoryError:
        raise
    except DAMAGE as error:
        raise faulty(
            file.source.name,
            "damaged_pixels",
            "PixelData",
            f"damaged ({type(error).__name__}: {error})",
            _WHOLE,
        ) from error


def _check_size(file: FileHeader, pixels: bytes) -> None:
    """A compressed image may claim any size, and decoders believe it."""
    claimed = claimed_size(pixels)
    if claimed is not None and claimed != (file.rows, file.columns):
        raise ValueError(
            f"the compressed image claims {claimed[0]} × {claimed[1]}, the header "
            f"{file.rows} × {file.columns}"
        )


def _plain(file: FileHeader, content: bytes, frame: int) -> NDArray[np.generic]:
    """One uncompressed frame as it is stored."""
    size = file.bits_allocated // 8
    order = ">" if file.transfer_syntax == ExplicitVRBigEndian else "<"
    dtype = np.dtype(f"{order}{'i' if file.signed else 'u'}{size}")
    pixels = file.rows * file.columns
    start = file.pixel_offset + (frame - 1) * pixels * size
    if start + pixels * size > len(content):
        raise faulty(
            file.source.name,
            "truncated_pixels",
            "PixelData",
            f"{max(0, len(content) - file.pixel_offset)} bytes",
            _WHOLE,
        )
    stored = np.frombuffer(content, dtype=dtype, count=pixels, offset=start)
    return _without_overlays(stored.reshape(file.rows, file.columns), file)


def _without_overlays(stored: NDArray[np.generic], file: FileHeader) -> NDArray[np.generic]:
    """Old files keep overlays in the bits above those stored: they are cut off."""
    spare = file.bits_allocated - file.bits_stored
    if spare == 0:
        return stored
    low, high = _range(file)
    if low <= int(stored.min()) and int(stored.max()) <= high:
        return stored
    native = stored.astype(stored.dtype.newbyteorder("="))
    shifted = np.left_shift(native, spare)
    return np.asarray(np.right_shift(shifted, spare))


def _range(file: FileHeader) -> tuple[int, int]:
    """The least and largest value that can be stored."""
    if file.signed:
        return -(2 ** (file.bits_stored - 1)), 2 ** (file.bits_stored - 1) - 1
    return 0, 2**file.bits_stored - 1


def _rescale(stored: NDArray[np.generic], image: Image, into: NDArray[np.int16]) -> None:
    """HU = stored · slope + intercept (PS3.3 C.11.1), rounded, as int16."""
    slope = 1.0 if image.slope is None else image.slope
    intercept = 0.0 if image.intercept is None else image.intercept
    low, high = _range(image.file)
    if slope == 1 and intercept == int(intercept):
        offset = int(intercept)
        if low + offset >= LOWEST and high + offset <= HIGHEST and high <= HIGHEST:
            np.add(stored, np.int16(offset), out=into, casting="unsafe", dtype=np.int16)
            return
        wide = stored.astype(np.int64) + offset
        np.clip(wide, LOWEST, HIGHEST, out=into, casting="unsafe")
        return
    values = stored.astype(np.float64)
    values *= slope
    values += intercept
    np.rint(values, out=values)
    np.clip(values, LOWEST, HIGHEST, out=into, casting="unsafe")
