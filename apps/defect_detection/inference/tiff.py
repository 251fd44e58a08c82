"""TIFF files: any of tifffile's compressions, 1 to 16 bits, grey, palette, RGB, CMYK."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import COMPRESSION, PHOTOMETRIC

from apps.defect_detection.inference.depth import scale_to_8_bits
from apps.defect_detection.inference.headers import Header, damaged
from loupe.contract.runtime.errors import InputRefused

# What tifffile and imagecodecs raise on damaged files; imagecodecs' own errors are RuntimeErrors.
BROKEN = (
    tifffile.TiffFileError,
    AttributeError,
    IndexError,
    KeyError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
)
READABLE = {
    PHOTOMETRIC.MINISBLACK,
    PHOTOMETRIC.MINISWHITE,
    PHOTOMETRIC.RGB,
    PHOTOMETRIC.PALETTE,
    PHOTOMETRIC.SEPARATED,
    PHOTOMETRIC.YCBCR,
}


def read_tiff(
    path: Path, check_size: Callable[[int, int], None]
) -> tuple[NDArray[np.uint8], Header, int]:
    """Decode the file's one picture to BGR; the last value is the bits in use.

    `check_size` is called with width and height before anything is decoded and may refuse.

    Raises:
        InputRefused: damaged, several pages, floating-point values or a colour model unknown here.
    """
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            header = _header(page)
            check_size(header.width, header.height)
            _refuse_unreadable(file, page, path.stat().st_size)
            stored = page.asarray()
            palette = page.colormap if page.photometric == PHOTOMETRIC.PALETTE else None
            photometric, planar = page.photometric, page.planarconfig
            orientation = page.tags.valueof(274, 1)
    except InputRefused:
        raise
    except BROKEN:
        raise damaged("tiff") from None
    if planar == 2 and stored.ndim == 3:
        stored = np.moveaxis(stored, 0, -1)
    image, bits = _to_bgr(stored, photometric, palette, header)
    return _upright(image, orientation), header, bits


def _header(page: tifffile.TiffPage) -> Header:
    bits: Any = page.bitspersample
    return Header(
        kind="tiff",
        width=page.imagewidth,
        height=page.imagelength,
        channels=max(1, min(page.samplesperpixel, 4)),
        bits=max(8, min(bits if isinstance(bits, int) else max(bits), 16)),
    )


def _refuse_unreadable(file: tifffile.TiffFile, page: tifffile.TiffPage, length: int) -> None:
    pages: list[Any] = file.pages[1:]
    for other in pages:
        if not other.subfiletype & 1:  # a smaller copy of the picture is no page of its own
            raise InputRefused(
                "The TIFF holds several pages; only single pictures are inspected. Split it into "
                "one file a page.",
                code="many_pages",
            )
    if page.dtype is None or page.dtype.kind not in "ub" or page.dtype.itemsize > 2:
        raise InputRefused(
            f"The TIFF stores {page.dtype} values; 8- and 16-bit unsigned values are read. Convert "
            "it to 16 bits.",
            code="unsupported_image",
        )
    if page.photometric not in READABLE:
        name = getattr(page.photometric, "name", page.photometric)
        raise InputRefused(
            f"The TIFF's colour model is {name}; grey, palette, RGB, YCbCr and CMYK are read.",
            code="unsupported_image",
        )
    if page.imagedepth != 1 or page.samplesperpixel > 5:
        raise InputRefused(
            f"The TIFF has {page.samplesperpixel} samples a pixel in {page.imagedepth} planes; "
            "flat pictures of up to 5 samples a pixel are read.",
            code="unsupported_image",
        )
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if offset + count > length:
            raise damaged("tiff")
    # Some codecs grow what they are given without a bound; a strip is at most the whole picture.
    if page.compression == COMPRESSION.NONE and sum(page.databytecounts) < page.nbytes // 8:
        raise damaged("tiff")


def _to_bgr(
    stored: NDArray, photometric: int, palette: NDArray | None, header: Header
) -> tuple[NDArray[np.uint8], int]:
    if palette is not None:
        colours = (
            (palette >> 8).astype(np.uint8) if palette.max() > 255 else palette.astype(np.uint8)
        )
        return np.ascontiguousarray(colours[::-1, stored].transpose(1, 2, 0)), 8
    if stored.dtype == np.bool_ or header.bits == 1:
        stored = (stored != 0).astype(np.uint8) * np.uint8(255)
    bits = 8
    if stored.dtype == np.uint16:
        stored, bits = scale_to_8_bits(stored)
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[:, :, 0]
    if photometric == PHOTOMETRIC.MINISWHITE:
        stored = 255 - stored
    if stored.ndim == 2 or photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE):
        grey = stored if stored.ndim == 2 else np.ascontiguousarray(stored[:, :, 0])
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), bits
    if photometric == PHOTOMETRIC.SEPARATED:
        return _cmyk_to_bgr(stored), bits
    return cv2.cvtColor(np.ascontiguousarray(stored[:, :, :3]), cv2.COLOR_RGB2BGR), bits


def _cmyk_to_bgr(inks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pillow's formula without an ICC profile: ``colour = (255 - ink) × (255 - black) / 255``."""
    out = np.empty((*inks.shape[:2], 3), np.uint8)
    for row in range(len(inks)):
        light = 255 - inks[row].astype(np.int32)
        # Pillow's MULDIV255, exact rounding of a × b / 255.
        product = light[:, 2::-1] * light[:, 3:4] + 128
        out[row] = ((product >> 8) + product) >> 8
    return out


def _upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply the TIFF orientation tag, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        image = cv2.transpose(image)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return image if flip is None else cv2.flip(image, flip)
