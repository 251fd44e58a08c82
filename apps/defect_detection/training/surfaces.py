"""Draws photographs of surfaces with labelled defects. One seed, one picture, on every machine."""

import copy
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.training.defects import DEFECTS
from apps.defect_detection.training.lighting import Camera, Light, photograph, shade
from apps.defect_detection.training.noise import Field, Rng
from apps.defect_detection.training.parts import dress
from apps.defect_detection.training.textures import TEXTURES

CLASSES = tuple(DEFECTS)
GOOD_SHARE = 0.22
# A defect counts as labelled where it changed the surface by this much …
COVER = 0.3
# … and only if it is seen: this share of its pixels differs by this many grey levels.
SEEN_SHARE, SEEN_LEVELS = 0.4, 9
SMALLEST = 6  # pixels of the longer side


@dataclass(frozen=True, kw_only=True)
class Label:
    """A defect's class and its corners in pixels."""

    name: str
    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, kw_only=True)
class Picture:
    """`image` [S, S, 3] uint8 BGR with its labels."""

    image: NDArray[np.uint8]
    labels: tuple[Label, ...]
    texture: str


def draw(
    seed: int, size: int = 640, texture: str | None = None, defects: tuple[str, ...] | None = None
) -> Picture:
    """Draw the picture of `seed`.

    `texture` and `defects` fix what is otherwise drawn at random (an empty tuple: a good part).
    """
    rng = np.random.default_rng(seed)
    kind = texture or str(rng.choice(tuple(TEXTURES)))
    surface = TEXTURES[kind](rng, size)
    dress(rng, surface)
    light, camera = Light.random(rng, size), Camera.random(rng)
    clean = shade(surface, light)
    # A board's bright pads would burn out if its dark mask alone set the exposure.
    level = float(0.5 * np.median(clean) + 0.5 * np.percentile(clean, 92))
    before = _levels(clean, camera, level)
    labels: list[Label] = []
    for name in _chosen(rng) if defects is None else defects:
        for at in _places(rng, name, size, labels):
            worked = copy.deepcopy(surface)
            cover = DEFECTS[name](rng, worked, at)
            lit = shade(worked, light)
            after = _levels(lit, camera, level)
            label = _label(name, cover, np.abs(after - before))
            if label is None or _crowded(label, labels):
                continue
            labels.append(label)
            surface, before, clean = worked, after, lit
    image = photograph(clean, camera, level)
    return Picture(image=image, labels=tuple(labels), texture=kind)


def _chosen(rng: Rng) -> list[str]:
    if rng.random() < GOOD_SHARE:
        return []
    count = int(rng.choice((1, 2, 3, 4), p=(0.4, 0.32, 0.18, 0.1)))
    return [str(name) for name in rng.choice(CLASSES, count)]


def _places(rng: Rng, name: str, size: int, labels: list[Label]) -> list[tuple[float, float]]:
    """Where the defect goes; pits and spatters come in groups."""
    x, y = rng.uniform(0.06, 0.94, 2) * size
    places = [(float(x), float(y))]
    if name in ("pit", "extra_material") and rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 4))):
            dx, dy = rng.normal(0, 60, 2)
            places.append(
                (float(np.clip(x + dx, 8, size - 8)), float(np.clip(y + dy, 8, size - 8)))
            )
    return places


def _levels(light: Field, camera: Camera, level: float) -> Field:
    """Grey levels 0 to 255 of the picture without noise, blur and vignette."""
    picture = light.mean(axis=2) / max(level, 1e-4) * camera.exposure**camera.gamma
    return np.asarray(255 * np.clip(picture, 0, 1) ** (1 / camera.gamma), np.float32)


def _label(name: str, cover: Field, change: Field) -> Label | None:
    mask = cover > COVER
    if not mask.any():
        return None
    if float((cv2.blur(change, (3, 3))[mask] > SEEN_LEVELS).mean()) < SEEN_SHARE:
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x1, y1, x2, y2 = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    if max(x2 - x1, y2 - y1) < SMALLEST:
        return None
    return Label(name=name, x1=int(x1), y1=int(y1), x2=int(x2), y2=int(y2))


def _crowded(new: Label, labels: list[Label]) -> bool:
    """Whether the new box hides another, which would make both labels arguable."""
    for old in labels:
        width = min(new.x2, old.x2) - max(new.x1, old.x1)
        height = min(new.y2, old.y2) - max(new.y1, old.y1)
        if width <= 0 or height <= 0:
            continue
        areas = [(box.x2 - box.x1) * (box.y2 - box.y1) for box in (new, old)]
        if width * height > 0.25 * min(areas):
            return True
    return False
