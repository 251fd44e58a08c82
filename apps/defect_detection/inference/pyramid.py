"""A large image as tiles, so that a browser zooms into 100 megapixels without loading them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference.decode import decode
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.pyramid import grid, pack

TILE = 512
QUALITY = 92
"""Of JPEG with full colour resolution: hairlines stay hairlines."""


def pyramid(path: Path, options: Mapping[str, Any]) -> bytes:
    """Return the image in the form of `loupe.contract.runtime.pyramid`.

    Runs in the sandbox: it reads untrusted bytes. `options` carries ``max_pixels``.

    Raises:
        InputRefused: the file cannot be decoded.
    """
    image = decode(path, options).arrays["image"]
    height, width = image.shape[:2]
    return pack(width, height, TILE, "image/jpeg", _levels(image))


def _levels(image: NDArray[np.uint8]) -> Iterator[list[bytes]]:
    height, width = image.shape[:2]
    for wide, high, columns, rows in grid(width, height, TILE):
        if image.shape[:2] != (high, wide):
            image = cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA)
        yield [
            _encoded(image[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE])
            for row in range(rows)
            for column in range(columns)
        ]


def _encoded(tile: NDArray[np.uint8]) -> bytes:
    done, encoded = cv2.imencode(
        ".jpg",
        tile,
        [
            cv2.IMWRITE_JPEG_QUALITY,
            QUALITY,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ],
    )
    if not done:
        raise InputRefused("A tile of the picture could not be written as JPEG.")
    return encoded.tobytes()
