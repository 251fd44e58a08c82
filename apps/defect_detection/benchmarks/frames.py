"""Frames to measure on: drawn surfaces, each file different from every other."""

import zipfile
from pathlib import Path

import cv2
import numpy as np

from apps.defect_detection.training.surfaces import draw

# Seeds that no training saw.
FIRST_SEED = 5_000_000
DRAWN = 40


def write_frames(folder: Path, count: int, size: int = 640) -> list[Path]:
    """Write `count` JPEGs of `size`² pixels, quality 92, and return their paths in order.

    `DRAWN` pictures are drawn; the rest are those turned, mirrored and lit otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [draw(FIRST_SEED + index, size).image for index in range(min(DRAWN, count))]
    paths = []
    for index in range(count):
        image, variant = drawn[index % len(drawn)], index // len(drawn)
        image = np.rot90(image, variant % 4)
        if variant // 4 % 2:
            image = image[:, ::-1]
        gain = 1 - 0.02 * (variant // 8)
        lit = cv2.convertScaleAbs(np.ascontiguousarray(image), alpha=gain)
        path = folder / f"frame-{index:05d}.jpg"
        done, encoded = cv2.imencode(".jpg", lit, (cv2.IMWRITE_JPEG_QUALITY, 92))
        if not done:
            raise RuntimeError(f"{path} could not be written.")
        path.write_bytes(encoded.tobytes())
        paths.append(path)
    return paths


def write_zip(paths: list[Path], out: Path) -> None:
    """Store the frames in a zip; JPEGs do not shrink further."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            archive.write(path, path.name)
