"""Seven kinds of defects, each worked into a surface's height, colour and gloss.

Each function changes the surface in place and returns the defect's cover, [S, S] 0 to 1: where, and
how strongly, the surface was changed. Light falls on it afterwards, as on everything else.
"""

from collections.abc import Callable

import cv2
import numpy as np

from apps.defect_detection.training.noise import Field, Rng, fractal, grain, smooth
from apps.defect_detection.training.textures import Surface

Point = tuple[float, float]
SHIFT = 4  # OpenCV's fixed-point fraction bits for smooth lines


def scratch(rng: Rng, surface: Surface, at: Point) -> Field:
    """A groove with thrown-up edges; a light one only changes the gloss."""
    size = surface.size
    length, width = rng.uniform(45, 320), rng.uniform(0.9, 3.2)
    angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.25)
    steps = np.linspace(-0.5, 0.5, 24)
    way = angle + bend * steps * 2
    points = np.stack([np.cos(way), np.sin(way)], 1) * length / len(steps)
    points = np.cumsum(points, 0)
    points += np.asarray(at) - points.mean(0)
    groove = np.zeros((size, size), np.float32)
    for extra in range(int(rng.choice((1, 1, 1, 2, 3)))):
        moved = points + rng.normal(0, 5, 2) * (extra > 0)
        _stroke(groove, moved, width * (1.0 if extra == 0 else 0.6), taper=True)
    groove = cv2.GaussianBlur(groove, (0, 0), 0.55)
    edges = np.clip(cv2.GaussianBlur(groove, (0, 0), width * 0.9 + 0.5) - 0.5 * groove, 0, 1)
    skips = (0.75 + 0.35 * smooth(rng, size, 22)).clip(0.15, 1)
    groove, edges = groove * skips, edges * skips
    depth = rng.uniform(0.8, 2.6)
    surface.height += depth * (0.55 * edges - groove)
    _blend(
        surface, np.asarray(surface.bare) * rng.uniform(0.9, 1.7), groove * rng.uniform(0.5, 0.9)
    )
    surface.gloss[:] = (surface.gloss + 0.25 * groove).clip(0, 1)
    return groove.clip(0, 1)


def pit(rng: Rng, surface: Surface, at: Point) -> Field:
    """A small crater or pore."""
    radius = rng.uniform(3.2, 12)
    shape = _blob(rng, surface.size, at, radius, 0.22, stretch=rng.uniform(1, 1.5))
    inside = _soft(shape, 1.2)
    rim = np.exp(-((shape - 1.5) ** 2) / 5) * rng.uniform(0, 0.5)
    bowl = np.clip(-shape / radius, 0, 1) ** 0.6
    surface.height += rim - bowl * radius * rng.uniform(0.35, 0.8)
    surface.height += inside * grain(rng, surface.size, 1.0) * 0.4
    _blend(surface, np.asarray(surface.bare) * 0.25, inside * rng.uniform(0.45, 0.85))
    surface.gloss *= 1 - 0.8 * inside
    return inside


def inclusion(rng: Rng, surface: Surface, at: Point) -> Field:
    """A piece of foreign material pressed or baked in."""
    radius = rng.uniform(4, 20)
    shape = _blob(rng, surface.size, at, radius, 0.38, stretch=rng.uniform(1, 2.6))
    inside = _soft(shape, rng.uniform(0.8, 1.6))
    mean = surface.colour.mean(axis=(0, 1))
    dark = rng.random() < 0.65
    colour = (
        mean * rng.uniform(0.1, 0.35) if dark else np.clip(mean * rng.uniform(1.7, 2.4), 0, 0.85)
    )
    colour = colour * rng.uniform(0.85, 1.15, 3)
    mottle = 1 + 0.22 * fractal(rng, surface.size, 6, 2)
    _blend(surface, colour * mottle[..., None], inside * rng.uniform(0.75, 0.97))
    edge = np.exp(-(shape**2) / 3)
    surface.height += inside * (rng.uniform(-0.3, 0.6) + 0.3 * grain(rng, surface.size, 1.2))
    surface.height -= 0.5 * edge
    surface.gloss[:] = surface.gloss * (1 - 0.6 * inside) + inside * rng.uniform(0, 0.25)
    return inside


def stain(rng: Rng, surface: Surface, at: Point) -> Field:
    """Oil, rust, water or glue: colour without relief, often darker at its rim."""
    radius = rng.uniform(18, 85)
    shape = _blob(rng, surface.size, at, radius, 0.45, stretch=rng.uniform(1, 1.8))
    inside = _soft(shape, rng.uniform(2, 7))
    ring = np.exp(-((shape + 3) ** 2) / rng.uniform(8, 40)) * rng.uniform(0, 0.7)
    cloud = (0.8 + 0.25 * fractal(rng, surface.size, radius * 0.7, 4)).clip(0.2, 1.4)
    cover = (inside * cloud * 0.75 + ring * inside).clip(0, 1)
    tints = (
        (0.25, 0.42, 0.75),
        (0.35, 0.45, 0.5),
        (0.6, 0.72, 0.8),
        (1.35, 1.35, 1.3),
        (0.5, 0.4, 0.35),
    )
    tint = np.asarray(tints[int(rng.integers(len(tints)))])
    strength = rng.uniform(0.4, 0.85)
    surface.colour *= (1 + cover[..., None] * strength * (tint - 1)).astype(np.float32)
    surface.gloss[:] = (surface.gloss + cover * rng.uniform(-0.2, 0.3)).clip(0, 1)
    surface.height += cover * 0.15
    return inside * (cover > 0.08)


def crack(rng: Rng, surface: Surface, at: Point) -> Field:
    """A thin jagged gap that wanders and sometimes forks."""
    size = surface.size
    gap = np.zeros((size, size), np.float32)
    length, width = rng.uniform(60, 300), rng.uniform(0.8, 2.4)
    angle = rng.uniform(0, 2 * np.pi)
    _walk(rng, gap, np.asarray(at), angle, length / 2, width)
    _walk(rng, gap, np.asarray(at), angle + np.pi, length / 2, width)
    gap = cv2.GaussianBlur(gap, (0, 0), 0.5)
    lift = cv2.GaussianBlur(gap, (0, 0), 3) * smooth(rng, size, 60)
    surface.height += 0.5 * lift - gap * rng.uniform(2.0, 4.5)
    _blend(surface, np.asarray(surface.bare) * 0.08, gap * rng.uniform(0.7, 0.95))
    surface.gloss *= 1 - 0.9 * gap
    return gap.clip(0, 1)


def missing_material(rng: Rng, surface: Surface, at: Point) -> Field:
    """A chip: the skin broken away along facets, the rough ground below laid bare."""
    radius = rng.uniform(12, 46)
    corners = int(rng.integers(5, 9))
    turns = np.sort(rng.uniform(0, 2 * np.pi, corners)) if corners > 5 else np.arange(5) * 1.256
    radii = radius * rng.uniform(0.6, 1.15, len(turns))
    outline = np.stack([np.cos(turns) * radii, np.sin(turns) * radii], 1) + np.asarray(at)
    cover = np.zeros((surface.size, surface.size), np.uint8)
    fixed = np.round(outline * (1 << SHIFT)).astype(np.int32)
    cv2.fillPoly(cover, [fixed], 255, cv2.LINE_AA, SHIFT)
    signed = _signed(cover) + 1.6 * fractal(rng, surface.size, 12, 3)
    inside = _soft(signed, 1.0)
    facets = fractal(rng, surface.size, radius * 0.6, 4, 0.6)
    depth = rng.uniform(1.6, 4.5)
    surface.height *= 1 - 0.75 * inside
    surface.height += inside * (-depth + 0.8 * facets + 0.25 * grain(rng, surface.size, 0.8))
    tone = (1 + 0.18 * facets + 0.06 * grain(rng, surface.size, 0.8))[..., None]
    _blend(surface, np.asarray(surface.bare) * tone * rng.uniform(0.7, 1.2), inside * 0.95)
    surface.gloss *= 1 - 0.8 * inside
    return inside


def extra_material(rng: Rng, surface: Surface, at: Point) -> Field:
    """A drop, spatter, burr or ridge that stands proud of the surface."""
    radius = rng.uniform(5, 30)
    shape = _blob(rng, surface.size, at, radius, rng.uniform(0.05, 0.2), rng.uniform(1, 2.4))
    dome = np.sqrt(np.clip(-shape / radius, 0, 1))
    inside = _soft(shape, 1.0)
    surface.height *= 1 - 0.85 * inside
    lumps = 1 + rng.uniform(0.0, 0.14) * fractal(rng, surface.size, radius, 3)
    surface.height += dome * lumps * radius * rng.uniform(0.4, 0.8)
    own = surface.colour.mean(axis=(0, 1)) * rng.uniform(0.75, 1.25)
    if rng.random() < 0.35:
        own = np.asarray(surface.bare) * rng.uniform(0.8, 1.3)
    _blend(surface, own * lumps[..., None], inside * 0.9)
    surface.gloss[:] = surface.gloss * (1 - inside) + inside * rng.uniform(0.12, 0.7)
    return inside


DEFECTS: dict[str, Callable[[Rng, Surface, Point], Field]] = {
    defect.__name__: defect
    for defect in (scratch, pit, inclusion, stain, crack, missing_material, extra_material)
}
SEVERITIES = {
    "scratch": "minor",
    "pit": "major",
    "inclusion": "major",
    "stain": "minor",
    "crack": "critical",
    "missing_material": "critical",
    "extra_material": "major",
}


def _blend(surface: Surface, colour: np.ndarray, cover: Field) -> None:
    share = cover[..., None]
    surface.colour[:] = np.clip(surface.colour * (1 - share) + colour * share, 0.003, 0.95)


def _soft(signed: Field, width: float) -> Field:
    """1 inside (negative), 0 outside, over about `width` pixels."""
    return np.asarray(1 / (1 + np.exp(np.clip(signed / (width * 0.4), -30, 30))), np.float32)


def _blob(
    rng: Rng, size: int, at: Point, radius: float, rough: float, stretch: float = 1.0
) -> Field:
    """Signed distance-like field of an irregular blob, pixels; negative inside."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    turn = rng.uniform(0, np.pi)
    dx, dy = x - at[0], y - at[1]
    u = (dx * np.cos(turn) + dy * np.sin(turn)) / stretch**0.5
    v = (dy * np.cos(turn) - dx * np.sin(turn)) * stretch**0.5
    distance = np.sqrt(u * u + v * v)
    edge = fractal(rng, size, max(radius * 1.1, 3), 4, 0.5) * rough * radius * 0.6
    return np.asarray(distance - radius + edge, np.float32)


def _signed(cover: np.ndarray) -> Field:
    inside = cv2.distanceTransform((cover > 127).astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((cover <= 127).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(outside - inside, np.float32)


def _stroke(canvas: Field, points: np.ndarray, width: float, taper: bool) -> None:
    """Draw a line with sub-pixel ends; `taper` thins it towards both ends."""
    count = len(points) - 1
    for index in range(count):
        share = np.sin(np.pi * (index + 0.7) / (count + 0.4)) ** 0.5 if taper else 1.0
        thick = max(width * share, 0.5)
        ends = np.round(points[index : index + 2] * (1 << SHIFT)).astype(int)
        layer = min(1.0, thick)
        start, end = (int(ends[0][0]), int(ends[0][1])), (int(ends[1][0]), int(ends[1][1]))
        cv2.line(canvas, start, end, layer, max(1, round(thick)), cv2.LINE_AA, SHIFT)


def _walk(
    rng: Rng,
    canvas: Field,
    at: np.ndarray,
    angle: float,
    length: float,
    width: float,
    level: int = 0,
) -> None:
    """A random walk with sharp corners; forks carry on thinner."""
    points, drift, went = [at], angle, 0.0
    while went < length:
        step = rng.uniform(4, 13)
        drift = angle + 0.75 * (drift - angle) + rng.normal(0, 0.42)
        at = at + step * np.asarray((np.cos(drift), np.sin(drift)))
        points.append(at)
        went += step
        if level < 2 and rng.random() < 0.05:
            side = drift + rng.choice((-1, 1)) * rng.uniform(0.4, 1.0)
            _walk(rng, canvas, at, side, (length - went) * 0.6, width * 0.65, level + 1)
    count = len(points) - 1
    for index in range(count):
        thick = width * (1 - 0.75 * index / count)
        _stroke(canvas, np.asarray(points[index : index + 2]), thick, taper=False)
