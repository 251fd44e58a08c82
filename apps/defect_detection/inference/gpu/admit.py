"""Which files a GPU decodes: plain JPEGs. Nothing is decoded here, and torch is not imported.

nvJPEG knows neither EXIF orientation nor CMYK, and barcodes are read from pixels on the host: such
files, and every other format, go through the sandbox. Of the file only its header is read.
"""

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from apps.defect_detection.inference.decode import MAX_PIXELS, refuse_large
from apps.defect_detection.inference.headers import read_header, sniff
from loupe.contract.runtime.payload import JsonValue, Payload

MAX_BYTES = 64 * 2**20
_ORIENTATION = 0x0112
_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})


def admit(path: Path, options: Mapping[str, JsonValue]) -> Payload | None:
    """The file's bytes as ``encoded`` with its size in `meta`; None: the sandbox decodes it.

    Raises:
        InputRefused: the header is damaged, or states too many pixels.
    """
    limit = options.get("max_pixels", MAX_PIXELS)
    if options.get("codes") not in {None, "off"} or not isinstance(limit, int | float):
        return None
    with path.open("rb") as file:
        if file.read(3) != b"\xff\xd8\xff" or path.stat().st_size > MAX_BYTES:
            return None
        file.seek(0)
        data = file.read()
    held = memoryview(data)
    header = read_header(held, sniff(held))
    refuse_large(header.width, header.height, int(limit))
    if header.channels not in (1, 3) or header.bits != 8 or not _plain(held):
        return None
    return Payload(
        arrays={"encoded": np.frombuffer(data, np.uint8)},
        meta={
            "width": header.width,
            "height": header.height,
            "channels": header.channels,
            "bits": 8,
        },
    )


def _plain(data: memoryview) -> bool:
    """Whether the picture stands upright and is coded as nvJPEG reads it."""
    at = 2
    try:
        while data[at] == 0xFF:
            marker = data[at + 1]
            if marker == 0xDA:
                return True
            if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:
                at += 1 if marker == 0xFF else 2
                continue
            (length,) = struct.unpack_from(">H", data, at + 2)
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC, *_HUFFMAN):
                return False
            segment = data[at + 4 : at + 2 + length]
            if marker == 0xE1 and bytes(segment[:6]) == b"Exif\0\0" and _turned(segment[6:]):
                return False
            if marker == 0xEE and bytes(segment[:5]) == b"Adobe" and segment[11] == 0:
                return False  # red, green and blue as they are: decoders disagree about these
            at += 2 + length
    except (IndexError, struct.error):
        return False
    return False


def _turned(tiff: memoryview) -> bool:
    """Whether an EXIF block asks for the picture to be turned, or cannot be read."""
    try:
        order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
        if order is None:
            return True
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for index in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * index)
            if tag == _ORIENTATION:
                return bool(value != 1)
    except struct.error:
        return True
    return False
