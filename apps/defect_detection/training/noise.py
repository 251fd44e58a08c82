"""Smooth random fields, the raw material of surfaces. All values are fp32 unless stated."""

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Rng = np.random.Generator


def smooth(rng: Rng, size: int, cell: float, stretch: float = 1.0) -> Field:
    """One octave of noise [size, size] with mean about 0 and deviation 1.

    `cell` is the distance, in pixels, over which it changes; `stretch` lengthens it along x.
    """
    rows = max(2, round(size / cell) + 2)
    columns = max(2, round(size / (cell * stretch)) + 2)
    grid = rng.standard_normal((rows, columns)).astype(np.float32)
    field = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / max(float(field.std()), 1e-6)


def fractal(
    rng: Rng, size: int, cell: float, octaves: int = 5, fall: float = 0.55, stretch: float = 1.0
) -> Field:
    """Octaves of `smooth`, each at half the cell and `fall` times the strength; deviation 1."""
    field = np.zeros((size, size), np.float32)
    strength = 1.0
    for _ in range(octaves):
        if cell < 1:
            break
        field += np.float32(strength) * smooth(rng, size, cell, stretch)
        cell, strength = cell / 2, strength * fall
    return (field - field.mean()) / max(float(field.std()), 1e-6)


def grain(rng: Rng, size: int, blur: float) -> Field:
    """White noise blurred by `blur` pixels; deviation 1."""
    field = rng.standard_normal((size, size)).astype(np.float32)
    if blur > 0:
        field = cv2.GaussianBlur(field, (0, 0), blur)
    return field / max(float(field.std()), 1e-6)


def streaks(rng: Rng, size: int, length: float, fineness: float) -> Field:
    """Lines along x of about `length` pixels; `fineness` blurs across them. Deviation 1."""
    field = rng.standard_normal((size, size)).astype(np.float32)
    field = cv2.GaussianBlur(field, (0, 0), sigmaX=length, sigmaY=fineness)
    return field / max(float(field.std()), 1e-6)


def turned(field: Field, degrees: float) -> Field:
    """Rotate a square field around its middle; the corners are filled by reflection."""
    size = field.shape[0]
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), degrees, 1.0)
    return cv2.warpAffine(
        field, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def cells(rng: Rng, size: int, cell: float) -> tuple[Field, Field]:
    """Worley noise: distance to the nearest of scattered points and to its cell's edge, pixels."""
    count = max(4, int((size / cell) ** 2))
    points = rng.uniform(-cell, size + cell, (count, 2)).astype(np.float32)
    labels = np.full((size, size), 255, np.uint8)
    inside = points[(points >= 0).all(1) & (points < size).all(1)].astype(int)
    labels[inside[:, 1], inside[:, 0]] = 0
    near, owner = cv2.distanceTransformWithLabels(
        labels, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    edges = np.zeros((size, size), np.uint8)
    edges[:, 1:] |= (owner[:, 1:] != owner[:, :-1]).astype(np.uint8)
    edges[1:, :] |= (owner[1:, :] != owner[:-1, :]).astype(np.uint8)
    to_edge = cv2.distanceTransform(1 - edges, cv2.DIST_L2, cv2.DIST_MASK_5)
    return near.astype(np.float32), to_edge.astype(np.float32)


def written(size: int, text: str, at: tuple[int, int], scale: float, thick: int) -> Field:
    """`text` with its foot's left end at `at`, as cover [size, size] 0 to 1."""
    page = np.zeros((size, size), np.uint8)
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    cover: Field = page.astype(np.float32) / np.float32(255)
    return cover
