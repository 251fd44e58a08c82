"""Comments inside compressed images: segments for free text, overwritten with spaces.

JPEG's APPn and COM (ISO/IEC 10918-1 B.2.4) and JPEG 2000's COM (ISO/IEC 15444-1 A.9.2) may hold
anything, and no decoder needs them. Lengths stay, so that offsets do.
"""

import struct
from typing import Final

_JPEG: Final = b"\xff\xd8\xff"
_J2K: Final = b"\xff\x4f\xff\x51"
_JPEG_TEXT: Final = {0xFE, *range(0xE1, 0xE8), *range(0xE9, 0xEE), 0xEF}
"""Not APP0, APP8 and APP14, which say how colours and JPEG-LS are meant."""
_J2K_TEXT: Final = 0x64
_J2K_END: Final = {0x90, 0xD9}
_SCAN: Final = 0xDA


def without_comments(pixels: bytes) -> bytes:
    """Encapsulated pixel data with empty comments; the same length."""
    result = bytearray(pixels)
    for start, texts, ends in (
        (_JPEG, _JPEG_TEXT, {_SCAN, 0xD9}),
        (_J2K, {_J2K_TEXT}, _J2K_END),
    ):
        at = pixels.find(start)
        while at >= 0:
            _blank(result, at + 2, texts, ends)
            at = pixels.find(start, at + 3)
    return bytes(result)


def _blank(pixels: bytearray, at: int, texts: set[int], ends: set[int]) -> None:
    """Walk the segments of one image's header."""
    while at + 4 <= len(pixels) and pixels[at] == 0xFF and pixels[at + 1] not in ends:
        length = struct.unpack_from(">H", pixels, at + 2)[0]
        if length < 2 or at + 2 + length > len(pixels):
            return
        if pixels[at + 1] in texts:
            skip = 6 if pixels[at + 1] == _J2K_TEXT else 4
            body = at + skip
            pixels[body : at + 2 + length] = b" " * max(0, at + 2 + length - body)
        at += 2 + length
