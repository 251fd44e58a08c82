"""Tiny labelled pictures: dark squares and bright bars on grey, in YOLO layout."""

from pathlib import Path

import cv2
import numpy as np

from apps.defect_detection.training.pictures import Labelled

CLASSES = ("hole", "bar")
LOOKS = {0: (24, 24, 30), 1: (40, 14, 235)}  # width, height, grey value


def picture(seed: int, size: int = 96) -> tuple[np.ndarray, list[tuple[int, int, int, int, int]]]:
    """A picture [size, size, 3] and its boxes: class, x1, y1, x2, y2."""
    rng = np.random.default_rng(seed)
    grey = (128 + rng.normal(0, 6, (size, size, 1))).clip(0, 255)
    image, boxes = grey.astype(np.uint8).repeat(3, 2), []
    for _ in range(1 + seed % 2):
        label = int(rng.integers(2))
        width, height, value = LOOKS[label]
        x, y = int(rng.integers(0, size - width)), int(rng.integers(0, size - height))
        image[y : y + height, x : x + width] = value
        boxes.append((label, x, y, x + width, y + height))
    return image, boxes


def yolo_set(folder: Path, train: int = 8, val: int = 4, size: int = 96) -> Path:
    """A folder with data.yaml, pictures and text files; every fourth picture is good."""
    for number in range(train + val):
        split = "train" if number < train else "val"
        image, boxes = picture(number, size)
        if number % 4 == 3:
            image, boxes = np.full_like(image, 128), []
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / split / f"{number:03d}.png"), image)
        lines = [
            f"{label} {(x1 + x2) / 2 / size} {(y1 + y2) / 2 / size} "
            f"{(x2 - x1) / size} {(y2 - y1) / size}\n"
            for label, x1, y1, x2, y2 in boxes
        ]
        (folder / "labels" / split / f"{number:03d}.txt").write_text("".join(lines))
    (folder / "data.yaml").write_text(
        f"path: .\ntrain: images/train\nval: images/val\nnames: [{', '.join(CLASSES)}]\n"
    )
    return folder


def labelled(folder: Path, count: int, size: int = 64) -> list[Labelled]:
    """Pictures for the loop, without a dataset around them."""
    folder.mkdir(parents=True, exist_ok=True)
    items = []
    for number in range(count):
        image, boxes = picture(number, size)
        path = folder / f"{number:03d}.png"
        cv2.imwrite(str(path), image)
        items.append(Labelled(path=path, boxes=np.array(boxes, np.float32).reshape(-1, 5)))
    return items
