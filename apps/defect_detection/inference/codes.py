"""Barcodes in a picture, read in the sandbox by zxing-cpp."""

from typing import Any

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

MOST_CODES = 20
MOST_TEXT = 200
LARGEST_SIDE = 4096
"""Pixels; a larger picture is read at this size, or one would take seconds."""
KINDS = {
    "linear": zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.AllLinear]),
    "matrix": zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.AllMatrix]),
    "any": zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.AllReadable]),
}


def read_codes(image: NDArray[np.uint8], kind: str) -> list[dict[str, Any]]:
    """The barcodes in `image` [H, W, 3] uint8 BGR, from top to bottom and left to right.

    Args:
        kind: ``linear``, ``matrix`` or ``any``.

    Returns:
        At most 20, each with ``text`` (of GS1 as people write it, with application identifiers
        in parentheses), ``format`` and its corners' bounds ``x1, y1, x2, y2`` in pixels.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    scale = min(1.0, LARGEST_SIDE / max(grey.shape))
    if scale < 1:
        size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    found = zxingcpp.read_barcodes(grey, formats=KINDS[kind], text_mode=zxingcpp.TextMode.HRI)
    codes = [_code(one, scale) for one in found if one.valid and one.text.strip()]
    codes.sort(key=lambda code: (code["y1"], code["x1"]))
    return codes[:MOST_CODES]


def _code(found: Any, scale: float) -> dict[str, Any]:
    place = found.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    across = [corner.x / scale for corner in corners]
    down = [corner.y / scale for corner in corners]
    text = "".join(sign if sign.isprintable() else " " for sign in found.text).strip()
    return {
        "text": text[:MOST_TEXT],
        "format": str(found.format).removeprefix("BarcodeFormat."),
        "x1": round(min(across), 1),
        "y1": round(min(down), 1),
        "x2": round(max(across), 1),
        "y2": round(max(down), 1),
    }
