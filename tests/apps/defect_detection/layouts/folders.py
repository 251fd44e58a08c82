"""Folders with datasets, written file by file."""

from pathlib import Path

import cv2
import numpy as np

YAML = "path: .\ntrain: images\nnames:\n  0: scratch\n  1: pit\n"


def picture(path: Path, width: int = 64, height: int = 48, seed: int = 0) -> Path:
    """A real picture of noise; its format is the name's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    done, encoded = cv2.imencode(path.suffix, pixels)
    if not done:
        raise RuntimeError(f"{path} could not be written.")
    path.write_bytes(encoded.tobytes())
    return path


def put(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files; a name that ends like a picture and has no bytes gets a picture."""
    for number, (name, content) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content == "" and path.suffix in {".jpg", ".png"}:
            picture(path, seed=number)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
    return root
