"""A picture in 64 bits, of which a copy in another size or quality shares all but a few.

The picture is shrunk to 32 × 32 grey values and transformed by a discrete cosine transform; each
bit says whether one of the 64 lowest frequencies lies above their median ("pHash").
"""

import mmap
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from apps.defect_detection.inference.decode import MAX_PIXELS, decode, refuse_large
from apps.defect_detection.inference.headers import read_header, sniff
from loupe.contract.runtime.payload import JsonValue

SIDE = 32
LOWEST = 8
_REDUCED = (
    (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
    (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
    (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
)


def fingerprint(path: Path, options: Mapping[str, JsonValue]) -> int:
    """The 64 bits as a signed integer, which is what databases keep.

    Raises:
        InputRefused: the file cannot be decoded.
    """
    grey = _grey(path, options)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    # The first row and column hold what is the same all along one side: the light, not the thing.
    low = cv2.dct(small)[1 : LOWEST + 1, 1 : LOWEST + 1].ravel()
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def _grey(path: Path, options: Mapping[str, JsonValue]) -> np.ndarray:
    """The picture in grey, no larger than needed where its format allows to read it smaller."""
    cv2.setNumThreads(1)
    if path.stat().st_size:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as data,
        ):
            if sniff(data) == "jpeg":
                header = read_header(data, "jpeg")
                limit = options.get("max_pixels", MAX_PIXELS)
                refuse_large(header.width, header.height, int(str(limit)))
                flags = next(
                    (
                        flag
                        for by, flag in _REDUCED
                        if min(header.width, header.height) >= by * 2 * SIDE
                    ),
                    None,
                )
                if flags is not None and header.channels != 4:
                    found = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
                    if found is not None:
                        return found
    return cv2.cvtColor(decode(path, options).arrays["image"], cv2.COLOR_BGR2GRAY)
