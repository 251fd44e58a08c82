"""What an image file says about itself, read before a single pixel is decoded.

Only lengths and numbers are read here, with bounds checked, so that a picture that would fill the
memory, a damaged file and a wrong type are refused at the price of a few hundred bytes.
"""

import struct
from dataclasses import dataclass

from loupe.contract.runtime.errors import InputRefused

ALLOWED = "JPEG, PNG, BMP, WebP and TIFF"
SCALED_DOWN = frozenset(
    {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


@dataclass(frozen=True, kw_only=True)
class Header:
    """Sizes are in pixels as stored, before any EXIF rotation."""

    kind: str
    width: int
    height: int
    channels: int
    bits: int


def sniff(data: bytes | memoryview) -> str:
    """Name the format by content: ``jpeg``, ``png``, ``bmp``, ``webp`` or ``tiff``.

    Raises:
        InputRefused: the file is empty or none of these.
    """
    head = bytes(data[:16])
    if not head:
        raise InputRefused(
            "The file is empty (0 bytes); send the picture again.", code="empty_file"
        )
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(PNG_SIGNATURE):
        return "png"
    if head.startswith(b"BM"):
        return "bmp"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    start = bytes(data[:512]).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<svg", b"<?xml", b"<!doctype")):
        raise InputRefused(
            f"The file is an SVG or XML document, not a photograph. Loupe reads {ALLOWED}.",
            code="not_an_image",
        )
    raise InputRefused(
        f"The file's content is no image that Loupe reads. It reads {ALLOWED}.", code="not_an_image"
    )


def read_header(data: memoryview, kind: str) -> Header:
    """Read the size of a JPEG, PNG, BMP or WebP file and check that its end is there.

    Raises:
        InputRefused: the header is damaged or the file is cut off.
    """
    try:
        return READERS[kind](data)
    except (struct.error, IndexError):
        raise damaged(kind) from None


def damaged(kind: str) -> InputRefused:
    """The refusal for a file whose structure is broken or cut off."""
    return InputRefused(
        f"The {kind.upper()} file is damaged or cut off; the picture cannot be read to its end. "
        "Send it again from the source.",
        code="damaged_image",
    )


def _jpeg(data: memoryview) -> Header:
    at, found, scan = 2, None, None
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise damaged("jpeg")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in SCALED_DOWN:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            found = Header(kind="jpeg", width=width, height=height, channels=channels, bits=bits)
        if marker == 0xDA:
            scan = at
            break
        at += 2 + length
    # Bytes of a scan never form an end-of-image marker: 0xFF is stuffed there.
    if found is None or scan is None or bytes(data[scan:]).rfind(b"\xff\xd9") < 0:
        raise damaged("jpeg")
    return found


def _png(data: memoryview) -> Header:
    length, name, width, height, bits, colour = struct.unpack_from(">I4sIIBB", data, 8)
    if name != b"IHDR" or length != 13 or colour not in PNG_CHANNELS:
        raise damaged("png")
    at = 8
    while True:
        size, chunk = struct.unpack_from(">I4s", data, at)
        if chunk == b"acTL":
            raise InputRefused(
                "The PNG is an animation; send its frames as single pictures.", code="many_pages"
            )
        at += 12 + size
        if at > len(data):
            raise damaged("png")
        if chunk == b"IEND":
            break
    channels = PNG_CHANNELS[colour]
    return Header(kind="png", width=width, height=height, channels=channels, bits=max(bits, 8))


def _bmp(data: memoryview) -> Header:
    size, pixels, header = struct.unpack_from("<I4xII", data, 2)
    if header == 12:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)
    needed = pixels + (width * depth + 31) // 32 * 4 * height if compression in (0, 3) else size
    if width <= 0 or height == 0 or len(data) < needed:
        raise damaged("bmp")
    return Header(kind="bmp", width=width, height=height, channels=4 if depth == 32 else 3, bits=8)


def _webp(data: memoryview) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    if len(data) < size + 8:
        raise damaged("webp")
    chunk = bytes(data[12:16])
    if chunk == b"VP8X":
        if data[20] & 0x02:
            raise InputRefused(
                "The WebP is an animation; send its frames as single pictures.", code="many_pages"
            )
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        channels = 4 if data[20] & 0x10 else 3
    elif chunk == b"VP8 ":
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 26))
        channels = 3
    elif chunk == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        channels = 4 if packed >> 28 & 1 else 3
    else:
        raise damaged("webp")
    return Header(kind="webp", width=width, height=height, channels=channels, bits=8)


READERS = {"jpeg": _jpeg, "png": _png, "bmp": _bmp, "webp": _webp}
