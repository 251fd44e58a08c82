"""What else computes on an inspection machine: a long study and a training.

Each is a process at the place the platform gives it. This module run as a program is the study:
passes over a volume, until it is ended.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from apps.defect_detection.training.surfaces import CLASSES, draw
from loupe.contract.runtime.line_flag import VARIABLE, beside
from loupe.contract.runtime.urgency import NICE

VOLUME = (96, 256, 256)
TRAINED_ON = 16


def study() -> None:
    """Smooth a volume along its axes for ever, as the attendant's child would."""
    os.nice(NICE)
    volume = np.random.default_rng(1).normal(size=VOLUME).astype(np.float32)
    while True:
        for axis in range(3):
            volume = 0.5 * volume + 0.25 * (np.roll(volume, 1, axis) + np.roll(volume, -1, axis))


def write_dataset(folder: Path) -> Path:
    """A small set of drawn pictures in YOLO's layout."""
    for split, count in (("train", TRAINED_ON), ("val", 4)):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture = draw(6_000_000 + number + (1000 if split == "val" else 0), 320)
            side = picture.image.shape[0]
            lines = [
                f"{CLASSES.index(label.name)} {(label.x1 + label.x2) / 2 / side} "
                f"{(label.y1 + label.y2) / 2 / side} {(label.x2 - label.x1) / side} "
                f"{(label.y2 - label.y1) / side}"
                for label in picture.labels
            ]
            cv2.imwrite(str(folder / "images" / split / f"{number}.jpg"), picture.image)
            (folder / "labels" / split / f"{number}.txt").write_text("\n".join(lines))
    names = "\n".join(f"  {number}: {name}" for number, name in enumerate(CLASSES))
    text = f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}\n"
    (folder / "data.yaml").write_text(text)
    return folder


@contextmanager
def study_and_training(
    socket: Path, folder: Path
) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Both at work, each at its lowered place; gives the training's log and its process. Ended
    afterwards."""
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps({"epochs": 1000, "image_size": 320, "batch": 4}))
    log = folder / "training.log"
    data = write_dataset(folder / "data")
    training = [sys.executable, "-m", "apps.defect_detection.training", "--data", str(data)]
    training += ["--out", str(folder / "out"), "--config", str(recipe)]
    with log.open("wb") as output:
        children = [
            subprocess.Popen([sys.executable, "-m", __name__]),
            subprocess.Popen(
                ["nice", "-n", str(NICE), *training],
                stdout=output,
                stderr=output,
                env={**os.environ, VARIABLE: str(beside(socket))},
            ),
        ]
    try:
        yield log, children[1]
    finally:
        for child in children:
            child.kill()
            child.wait()


if __name__ == "__main__":
    study()
