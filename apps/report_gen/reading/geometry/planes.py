"""Planes of images: axes and normal from the orientation, and images that lie in the same plane.

Vectors are in DICOM's patient axes (LPS): x to the patient's left, y to the back, z to the head.
PS3.3 C.7.6.2.1.1 says what the six cosines mean.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.reading.headers import Image

UNIT: Final = 0.01
"""How far a cosine vector's length may be from 1, and two of them from a right angle."""
SAME_PLANE: Final = math.cos(math.radians(0.5))
"""Images whose row and column directions differ by less lie in the same plane."""

TO_RAS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])

Vector = NDArray[np.float64]


def axes(orientation: Sequence[float]) -> tuple[Vector, Vector, Vector] | None:
    """Directions of growing column, of growing row, and their normal; None for no true axes."""
    across = np.array(orientation[:3], dtype=np.float64)
    down = np.array(orientation[3:], dtype=np.float64)
    lengths = np.array([np.linalg.norm(across), np.linalg.norm(down)])
    if np.abs(lengths - 1).max() > UNIT or abs(across @ down) > UNIT:
        return None
    across = across / lengths[0]
    down = down - (down @ across) * across
    down = down / np.linalg.norm(down)
    return across, down, np.cross(across, down)


def by_plane(images: Sequence[Image]) -> list[list[Image]]:
    """Images in groups of the same plane, the largest group first; order is kept within."""
    groups: list[tuple[Vector, Vector, list[Image]]] = []
    for image in images:
        found = axes(image.orientation or ())
        if found is None:
            continue
        across, down, _ = found
        for first, second, members in groups:
            if across @ first > SAME_PLANE and down @ second > SAME_PLANE:
                members.append(image)
                break
        else:
            groups.append((across, down, [image]))
    return sorted((members for *_, members in groups), key=len, reverse=True)


def angle(first: Vector, second: Vector) -> float:
    """Between two lines, in degrees, 0 to 90."""
    cosine = abs(float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second))))
    return math.degrees(math.acos(min(1.0, cosine)))


def off_axis(directions: Sequence[Vector]) -> float:
    """The largest angle between a direction and the patient's axis next to it, in degrees."""
    cosines = [float(np.abs(each).max() / np.linalg.norm(each)) for each in directions]
    return math.degrees(math.acos(min(1.0, *cosines)))
