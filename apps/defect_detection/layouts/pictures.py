"""How large a picture is when it stands upright, read from its header alone."""

import struct
import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from loupe.contract.runtime.errors import InputRefused

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
_ORIENTATION = 0x0112
_TURNED = frozenset({5, 6, 7, 8})


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels after the EXIF orientation is applied.

    Raises:
        InputRefused: empty, damaged, or none of the formats that are inspected.
    """
    if path.stat().st_size == 0:
        raise InputRefused("The picture is empty (0 bytes).", code="empty_file")
    Image.MAX_IMAGE_PIXELS = None  # nothing is decoded here
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd EXIF blocks, which do not matter here
            with Image.open(path, formats=FORMATS) as picture:
                width, height = picture.size
                # Of a TIFF, Pillow gives the upright size by itself.
                turned = picture.format != "TIFF" and picture.getexif().get(_ORIENTATION) in _TURNED
    except (
        *(OSError, UnidentifiedImageError, SyntaxError, ValueError, OverflowError),
        *(struct.error, TypeError, KeyError, IndexError, EOFError, ZeroDivisionError),
        Image.DecompressionBombError,
    ):
        raise InputRefused(
            "The file's content is no picture that can be read; it is damaged or of another type.",
            code="not_an_image",
        ) from None
    if width < 1 or height < 1:
        raise InputRefused(
            f"The picture says it is {width} × {height} pixels.", code="damaged_image"
        )
    return (height, width) if turned else (width, height)
