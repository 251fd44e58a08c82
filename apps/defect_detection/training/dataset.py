"""Writes drawn pictures as a YOLO data set: images, label files and a list each for two splits."""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2

from apps.defect_detection.training.surfaces import CLASSES, draw

SIZE = 640


@dataclass(frozen=True, kw_only=True)
class Split:
    """Pictures with the seeds ``first`` to ``first + count - 1``."""

    name: str
    first: int
    count: int


def write(folder: Path, splits: tuple[Split, ...], workers: int) -> Path:
    """Draw the splits below `folder` and return the path of its data description.

    The description is written here, as every file that Ultralytics reads is; it is JSON, which is
    YAML too.
    """
    for split in splits:
        for kind in ("images", "labels"):
            (folder / kind / split.name).mkdir(parents=True, exist_ok=True)
    work = [
        (folder, split.name, seed)
        for split in splits
        for seed in range(split.first, split.first + split.count)
    ]
    with ProcessPoolExecutor(workers) as pool:
        for _ in pool.map(_write_one, work, chunksize=16):
            pass
    description = folder / "data.yaml"
    paths = {split.name: f"images/{split.name}" for split in splits}
    description.write_text(
        json.dumps({"path": str(folder.resolve()), **paths, "names": dict(enumerate(CLASSES))})
    )
    return description


def _write_one(job: tuple[Path, str, int]) -> None:
    folder, split, seed = job
    cv2.setNumThreads(1)
    picture = draw(seed, SIZE)
    image = folder / "images" / split / f"{seed:07d}.jpg"
    done, encoded = cv2.imencode(".jpg", picture.image, (cv2.IMWRITE_JPEG_QUALITY, 92))
    if not done:
        raise RuntimeError(f"The picture of seed {seed} could not be written as JPEG.")
    image.write_bytes(encoded.tobytes())
    lines = []
    for label in picture.labels:
        x, y = (label.x1 + label.x2) / 2 / SIZE, (label.y1 + label.y2) / 2 / SIZE
        width, height = (label.x2 - label.x1) / SIZE, (label.y2 - label.y1) / SIZE
        index = CLASSES.index(label.name)
        lines.append(f"{index} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
    (folder / "labels" / split / f"{seed:07d}.txt").write_text("".join(lines))
