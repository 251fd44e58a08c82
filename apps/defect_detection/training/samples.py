"""Writes the sample pictures shipped with the app: ``python -m …training.samples DIR``."""

import sys
from pathlib import Path

import cv2

from apps.defect_detection.training.surfaces import draw

# Seeds from 4,000,000 are in no training, validation or test set. Name → seed, texture, defects.
SAMPLES: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "brushed-scratch": (4_000_001, "brushed", ("scratch", "pit")),
    "board-extra": (4_000_012, "board", ("extra_material", "missing_material")),
    "cast-crack": (4_000_301, "cast", ("crack",)),
    "painted-chip": (4_000_100, "painted", ("missing_material", "scratch")),
    "fabric-stain": (4_000_102, "fabric", ("stain",)),
    "wood-inclusion": (4_000_006, "wood", ("inclusion", "pit")),
    "leather-good": (4_000_007, "leather", ()),
    "stone-crack": (4_000_018, "stone", ("crack", "inclusion")),
    "ground-good": (4_000_009, "ground", ()),
    "painted-good": (4_000_100, "painted", ()),
}


def main(argv: list[str]) -> int:
    """Write every sample as a JPEG below the folder given."""
    folder = Path(argv[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, texture, defects) in SAMPLES.items():
        picture = draw(seed, texture=texture, defects=defects)
        done, encoded = cv2.imencode(".jpg", picture.image, (cv2.IMWRITE_JPEG_QUALITY, 90))
        if not done:
            raise RuntimeError(f"The sample {name} could not be written as JPEG.")
        (folder / f"{name}.jpg").write_bytes(encoded.tobytes())
        found = ", ".join(label.name for label in picture.labels) or "no defect"
        print(f"{name}.jpg: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
