"""The input with its boxes drawn in, as PNG. Runs in the sandbox: it reads untrusted bytes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2

from apps.defect_detection.inference.decode import decode
from loupe.contract.runtime.errors import InputRefused

# Blue-green-red, told apart by colour-blind people: vermilion, orange, sky blue.
COLOURS = {"critical": (0, 94, 213), "major": (0, 159, 230), "minor": (233, 180, 86)}
MAX_SIDE = 4096


def annotate(path: Path, options: Mapping[str, Any]) -> bytes:
    """Return a PNG, at most 4096 pixels on its longer side.

    `options`: ``boxes`` (as stored in the result) and ``max_pixels``.

    Raises:
        InputRefused: the file cannot be decoded.
    """
    image = decode(path, options).arrays["image"]
    height, width = image.shape[:2]
    scale = min(1.0, MAX_SIDE / max(width, height))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    line = max(1, round(max(image.shape[:2]) / 400))
    for box in options["boxes"]:
        colour = COLOURS[box["severity"]]
        left_top = (round(box["x1"] * scale), round(box["y1"] * scale))
        right_bottom = (round(box["x2"] * scale), round(box["y2"] * scale))
        cv2.rectangle(image, left_top, right_bottom, colour, line, cv2.LINE_AA)
        _label(image, left_top, f"{box['label']} {box['score']:.2f}", colour, line)
    done, encoded = cv2.imencode(".png", image)
    if not done:
        raise InputRefused("The annotated picture could not be written as PNG.")
    return encoded.tobytes()


def _label(
    image: Any, corner: tuple[int, int], text: str, colour: tuple[int, int, int], line: int
) -> None:
    """Dark text on the box's colour, above the box or inside it at the picture's edge."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.4 * max(1, line) ** 0.5
    (width, height), below = cv2.getTextSize(text, font, size, 1)
    left = max(0, min(corner[0], image.shape[1] - width))
    foot = corner[1] - below if corner[1] >= height + below else corner[1] + height + below
    cv2.rectangle(image, (left, foot - height - 2), (left + width, foot + below), colour, -1)
    cv2.putText(image, text, (left, foot), font, size, (20, 20, 20), 1, cv2.LINE_AA)
