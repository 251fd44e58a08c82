"""Stored values of one file's frames as Hounsfield units, the rescale applied once.

Offers `Place` (which frame of which image goes where) and `decode_file`.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian

from apps.report_gen.reading.codestream import claimed_size
from apps.report_gen.reading.faults import DAMAGE, Faulty, faulty
from apps.report_gen.reading.headers import FileHeader, Image, is_compressed
from apps.report_gen.volume import AIR, HIGHEST, LOWEST
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
        if "PixelData" not in dataset:  # pydicom drops a value whose end is not there
            raise _damaged(file, "truncated_pixels", Text(en="cut short", zh="不完整"))
        decoder = get_decoder(UID(file.transfer_syntax))
        for image, at in places:
            _check_size(file, dataset, image.frame)
            array, _ = decoder.as_array(dataset, index=image.frame - 1, raw=True)
            if array.shape != (file.rows, file.columns):
                raise _other_size(file, array.shape)
            _rescale(array, image, into[at])
    except (MemoryError, Faulty):
        raise
    except DAMAGE as error:
        name = UID(file.transfer_syntax).name
        told = Text(en=f"not decodable as {name}", zh=f"无法按 {name} 解码")
        raise _damaged(file, "damaged_pixels", told) from error


def _check_size(file: FileHeader, dataset: Dataset, frame: int) -> None:
    """A compressed image may claim any size, and decoders believe it."""
    offsets = None
    if "ExtendedOffsetTable" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    pixels = get_frame(
        dataset.PixelData, frame - 1, extended_offsets=offsets, number_of_frames=file.frames
    )
    claimed = claimed_size(pixels)
    if claimed is not None and claimed != (file.rows, file.columns):
        raise _other_size(file, claimed)


def _other_size(file: FileHeader, claimed: tuple[int, ...]) -> Faulty:
    size = " × ".join(str(each) for each in claimed)
    return faulty(
        file.source.name,
        "damaged_pixels",
        "PixelData",
        Text(en=f"an image of {size}", zh=f"{size} 的图像"),
        Text(
            en=f"{file.rows} × {file.columns}, as the header says, is needed",
            zh=f"应为文件头所述的 {file.rows} × {file.columns}",
        ),
    )


def _damaged(file: FileHeader, code: str, value: Text) -> Faulty:
    return faulty(file.source.name, code, "PixelData", value, _WHOLE)


def _plain(file: FileHeader, content: bytes, frame: int) -> NDArray[np.generic]:
    """One uncompressed frame as it is stored."""
    size = file.bits_allocated // 8
    order = ">" if file.transfer_syntax == ExplicitVRBigEndian else "<"
    dtype = np.dtype(f"{order}{'i' if file.signed else 'u'}{size}")
    pixels = file.rows * file.columns
    start = file.pixel_offset + (frame - 1) * pixels * size
    if start + pixels * size > len(content):
        there = max(0, len(content) - file.pixel_offset)
        told = Text(en=f"{there} bytes", zh=f"{there} 字节")
        raise _damaged(file, "truncated_pixels", told)
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
    cut = np.asarray(np.right_shift(np.left_shift(native, spare), spare))
    if file.padding is not None:  # may need more bits than are stored
        cut[native == np.array(file.padding).astype(native.dtype)] = low
    return cut


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
        _store(stored.astype(np.int64) + offset, into)
        return
    values = stored.astype(np.float64)
    values *= slope
    values += intercept
    np.rint(values, out=values)
    _store(values, into)


def _store(values: NDArray[np.int64] | NDArray[np.float64], into: NDArray[np.int16]) -> None:
    """Nothing reads as high as `HIGHEST`, metal included: what does is padding below zero that
    was stored in unsigned values."""
    values[values > HIGHEST] = AIR
    np.clip(values, LOWEST, HIGHEST, out=into, casting="unsafe")
