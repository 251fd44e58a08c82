"""The sandbox step: bytes of one image file to 8-bit BGR pixels.

Plain 8-bit files go through OpenCV exactly as Ultralytics reads them, so boxes agree to the bit.
What OpenCV reads wrongly or not at all (CMYK, TIFF, 16 bits) has a path of its own. Alpha is
dropped; EXIF orientation is applied; 16-bit values are scaled as `depth` says.
"""

import mmap
import os
from collections.abc import Mapping
from io import BytesIO, FileIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from apps.defect_detection.inference.depth import scale_to_8_bits
from apps.defect_detection.inference.headers import Header, damaged, read_header, sniff
from apps.defect_detection.inference.tiff import read_tiff
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import load

MAX_PIXELS = 100_000_000
READ_BYTES = 2**20
Pixels = NDArray[np.uint8]


def decode(path: Path, options: Mapping[str, JsonValue]) -> Payload:
    """Return ``image`` [H, W, 3] uint8 BGR with its size, channels and bits in `meta`.

    `options`: ``max_pixels``, the largest width × height decoded (default 100 million); ``codes``,
    which barcodes to read: ``off`` (default), ``linear``, ``matrix`` or ``any``.

    Raises:
        InputRefused: empty, not an image, damaged, animated or with too many pixels.
    """
    cv2.setNumThreads(1)  # its pool doubles the time of one small JPEG, and spins afterwards
    limit = options.get("max_pixels", MAX_PIXELS)
    if not isinstance(limit, int | float):
        raise InputRefused(f"max_pixels is {limit!r}; it must be a number.", code="bad_option")
    with path.open("rb", buffering=0) as file, _whole(file) as data:
        if sniff(data) == "tiff":
            image, header, bits = read_tiff(
                path, lambda width, height: refuse_large(width, height, int(limit))
            )
        else:
            image, header, bits = pixels(data, int(limit))
    height, width = image.shape[:2]
    return Payload(
        arrays={"image": image},
        meta={
            "width": width,
            "height": height,
            "channels": header.channels,
            "bits": bits,
            **_codes(image, options.get("codes")),
        },
    )


def _codes(image: Pixels, kind: JsonValue) -> dict[str, JsonValue]:
    """The picture's barcodes, where they are asked for; the reader is loaded only then."""
    if kind in {None, "off"}:
        return {}
    if kind not in ("linear", "matrix", "any"):
        raise InputRefused(
            f"codes is {kind!r}; it must be off, linear, matrix or any.", code="bad_option"
        )
    found: list[JsonValue] = load("apps.defect_detection.inference.codes:read_codes")(image, kind)
    return {"codes": found}


def _whole(file: FileIO) -> memoryview:
    """A file's bytes: a small one is read, a large one mapped, so that it takes no memory."""
    if os.fstat(file.fileno()).st_size <= READ_BYTES:
        return memoryview(file.read())
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def pixels(data: memoryview, limit: int) -> tuple[Pixels, Header, int]:
    """Decode a JPEG, PNG, BMP or WebP held in memory; the last value is the bits in use."""
    kind = sniff(data)
    header = read_header(data, kind)
    refuse_large(header.width, header.height, limit)
    if kind == "jpeg" and header.channels == 4:
        return _cmyk(data), header, 8
    if kind == "png" and header.bits == 16:
        deep = _opencv(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR, kind)
        image, bits = scale_to_8_bits(deep)
        return image, header, bits
    return _opencv(data, cv2.IMREAD_COLOR, kind), header, 8


def refuse_large(width: int, height: int, limit: int) -> None:
    """Refuse a picture by the size its header states.

    Raises:
        InputRefused: it has no pixels, or more than `limit`.
    """
    if width < 1 or height < 1:
        raise InputRefused(
            f"The picture says it is {width} × {height} pixels; there is nothing to inspect.",
            code="damaged_image",
        )
    if width * height > limit:
        raise InputRefused(
            f"The picture is {width} × {height} = {width * height / 1e6:.0f} megapixels; at most "
            f"{limit / 1e6:.0f} are read. Cut it into parts or scale it down.",
            code="too_many_pixels",
        )


def _opencv(data: memoryview, flags: int, kind: str) -> NDArray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        raise damaged(kind) from None
    if image is None:
        raise damaged(kind)
    return image


def _cmyk(data: memoryview) -> Pixels:
    """CMYK and YCCK as Pillow converts them, without an ICC profile."""
    Image.MAX_IMAGE_PIXELS = None  # the limit was checked above
    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as picture:
            turned = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError):
        raise damaged("jpeg") from None
    return np.ascontiguousarray(np.asarray(turned)[:, :, ::-1])
