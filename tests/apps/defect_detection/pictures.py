"""Pictures for tests: pixels whose corners differ, and files damaged in known ways."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SAMPLES = Path(__file__).resolve().parents[3] / "apps" / "defect_detection" / "samples"
ARTEFACT = SAMPLES.parent / "models" / "surfaces"


def corners(width: int = 48, height: int = 32) -> NDArray[np.uint8]:
    """RGB [height, width, 3]: red, green, blue and white quarters, so that no turn looks alike."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (220, 20, 30)
    image[: height // 2, width // 2 :] = (20, 200, 40)
    image[height // 2 :, : width // 2] = (30, 40, 210)
    image[height // 2 :, width // 2 :] = 240
    return image


def noise(width: int = 61, height: int = 47, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Random 8-bit pixels; [height, width] for one channel."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encoded(pixels: NDArray[np.uint8], kind: str, **options: object) -> bytes:
    """A file of Pillow's format `kind`."""
    out = BytesIO()
    mode = "CMYK" if options.pop("cmyk", False) else None
    Image.fromarray(pixels, mode=mode).save(out, kind, **options)
    return out.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk."""
    check = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + check


def png_claiming(width: int, height: int) -> bytes:
    """A small PNG whose header claims a size that its data does not have."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 4096)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
