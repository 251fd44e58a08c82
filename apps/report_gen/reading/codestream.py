"""The size that a compressed image claims, read from its first marker segments."""

import struct

_J2K = b"\xff\x4f\xff\x51"
_JPEG = b"\xff\xd8\xff"
_SEARCHED = 4096
_SOF = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}


def claimed_size(pixels: bytes) -> tuple[int, int] | None:
    """Rows and columns of the first JPEG, JPEG-LS or JPEG 2000 image; None for none of them."""
    head = pixels[:_SEARCHED]
    at = head.find(_J2K)
    if at >= 0:
        return _j2k(head[at + 4 :])
    at = head.find(_JPEG)
    return _jpeg(head[at + 2 :]) if at >= 0 else None


def _j2k(segment: bytes) -> tuple[int, int] | None:
    """SIZ of ISO/IEC 15444-1 A.5.1: the image is its grid less its offset."""
    if len(segment) < 20:
        return None
    right, bottom, left, top = struct.unpack_from(">4L", segment, 4)
    return bottom - top, right - left


def _jpeg(rest: bytes) -> tuple[int, int] | None:
    """The frame header of ISO/IEC 10918-1 B.2.2, past the segments before it."""
    at = 0
    while at + 9 <= len(rest) and rest[at] == 0xFF:
        marker = rest[at + 1]
        if marker in _SOF:
            rows, columns = struct.unpack_from(">2H", rest, at + 5)
            return rows, columns
        at += 2 + struct.unpack_from(">H", rest, at + 2)[0]
    return None
