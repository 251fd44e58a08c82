"""An input drawn as PNG for people: what browsers cannot show, and small pictures for lists."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2

from apps.defect_detection.inference.decode import decode
from loupe.contract.runtime.errors import InputRefused


def preview(path: Path, options: Mapping[str, Any]) -> bytes:
    """Return a PNG whose longer side has at most ``options["max_side"]`` pixels.

    Runs in the sandbox: it reads untrusted bytes. `options` also carries ``max_pixels``.

    Raises:
        InputRefused: the file cannot be decoded.
    """
    image = decode(path, options).arrays["image"]
    height, width = image.shape[:2]
    scale = min(1.0, int(options["max_side"]) / max(width, height))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode(".png", image)
    if not done:
        raise InputRefused("The preview could not be written as PNG.")
    return encoded.tobytes()
