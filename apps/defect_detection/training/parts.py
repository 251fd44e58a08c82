"""What belongs on a good part and is no defect: holes, seams, print, edges, dust."""

import cv2
import numpy as np

from apps.defect_detection.training.noise import Field, Rng, written
from apps.defect_detection.training.textures import Surface

DARK = np.asarray((0.012, 0.012, 0.014), np.float32)


def dress(rng: Rng, surface: Surface) -> None:
    """Put some normal features onto the surface, in place."""
    if surface.kind in ("brushed", "ground", "cast", "painted", "stone") and rng.random() < 0.45:
        _holes(rng, surface)
    if surface.kind in ("brushed", "painted", "cast", "leather") and rng.random() < 0.3:
        _seam(rng, surface)
    if surface.kind in ("brushed", "painted", "ground", "stone") and rng.random() < 0.25:
        _print(rng, surface)
    if surface.kind not in ("fabric", "leather") and rng.random() < 0.2:
        _edge(rng, surface)
    if rng.random() < 0.5:
        _dust(rng, surface)


def _holes(rng: Rng, surface: Surface) -> None:
    """Drilled holes with a chamfer, on a grid or alone."""
    size = surface.size
    radius = float(rng.uniform(9, 34))
    count = int(rng.choice((1, 1, 2, 3, 4)))
    start = [rng.uniform(0.1, 0.9) * size for _ in range(2)]
    step = (
        (rng.uniform(4, 8) * radius, 0.0)
        if rng.random() < 0.5
        else (0.0, rng.uniform(4, 8) * radius)
    )
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    for index in range(count):
        cx, cy = start[0] + index * step[0], start[1] + index * step[1]
        away = np.sqrt((x - cx) ** 2 + (y - cy) ** 2) - radius
        hole = 1 / (1 + np.exp(np.clip(away / 0.5, -30, 30)))
        chamfer = np.exp(-((away - 1.5) ** 2) / 4)
        surface.height += np.clip(away, -3, 3).astype(np.float32) * chamfer * 0.6
        surface.colour[:] = surface.colour * (1 - hole[..., None]) + DARK * hole[..., None]
        surface.gloss *= 1 - hole


def _seam(rng: Rng, surface: Surface) -> None:
    """A straight groove right across, or a line of stitches on leather."""
    size = surface.size
    line = np.zeros((size, size), np.float32)
    offset, slope = rng.uniform(0.1, 0.9) * size, rng.normal(0, 0.05) * size
    ends = ((-5, int(offset)), (size + 5, int(offset + slope)))
    if rng.random() < 0.5:
        ends = ((ends[0][1], -5), (ends[1][1], size + 5))
    width = int(rng.integers(3, 7))
    cv2.line(line, ends[0], ends[1], 1.0, width, cv2.LINE_AA)
    line = cv2.GaussianBlur(line, (0, 0), 1.2)
    surface.height -= 2.2 * line
    surface.colour *= (1 - 0.35 * line)[..., None]


def _print(rng: Rng, surface: Surface) -> None:
    """A part number in ink or laser marking."""
    size = surface.size
    letters = "ABCDEFHKLMNPRSTX0123456789-"
    text = "".join(
        letters[int(i)] for i in rng.integers(len(letters), size=int(rng.integers(4, 10)))
    )
    at = (int(rng.uniform(0.05, 0.6) * size), int(rng.uniform(0.1, 0.95) * size))
    scale = float(rng.uniform(0.6, 1.6))
    ink = cv2.GaussianBlur(written(size, text, at, scale, 2), (0, 0), 0.6)
    tone = 0.06 if float(surface.colour.mean()) > 0.25 else 0.7
    cover = (ink * rng.uniform(0.6, 0.9))[..., None]
    surface.colour[:] = surface.colour * (1 - cover) + tone * cover


def _edge(rng: Rng, surface: Surface) -> None:
    """The part ends inside the view; behind it lies the conveyor."""
    size = surface.size
    depth = rng.uniform(0.05, 0.16) * size
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    turn = int(rng.integers(4))
    away: Field = (
        (x, size - x, y, size - y)[turn] - depth + (y if turn < 2 else x) * rng.normal(0, 0.03)
    )
    out = 1 / (1 + np.exp(np.clip(away / 0.6, -30, 30)))
    bevel = np.exp(-((away - 3) ** 2) / 9)
    surface.height += (bevel * np.clip(away - 3, -3, 3) * 0.35).astype(np.float32)
    surface.height *= 1 - out
    behind = np.asarray((0.05, 0.05, 0.05)) * rng.uniform(0.4, 1.6)
    surface.colour[:] = surface.colour * (1 - out[..., None]) + behind * out[..., None]
    surface.gloss *= 1 - out


def _dust(rng: Rng, surface: Surface) -> None:
    """Specks of one or two pixels and a few fibres, fainter than any defect."""
    size = surface.size
    specks = np.zeros((size, size), np.float32)
    for _ in range(int(rng.integers(5, 40))):
        x, y = (int(v) for v in rng.integers(0, size, 2))
        cv2.circle(specks, (x, y), 1, float(rng.uniform(0.2, 0.6)), -1, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 3))):
        start = rng.uniform(0, size, 2)
        curve = start + np.cumsum(rng.normal(0, 3, (8, 2)), 0)
        cv2.polylines(specks, [curve.astype(np.int32)], False, 0.25, 1, cv2.LINE_AA)
    specks = cv2.GaussianBlur(specks, (0, 0), 0.6)
    light = 0.6 if rng.random() < 0.6 else 0.05
    cover = (specks * 0.5)[..., None]
    surface.colour[:] = surface.colour * (1 - cover) + light * cover
