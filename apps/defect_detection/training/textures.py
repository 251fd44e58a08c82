"""Surfaces without defects: what they are made of, before any light falls on them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.training.noise import (
    Field,
    Rng,
    cells,
    fractal,
    grain,
    smooth,
    streaks,
    turned,
    written,
)


@dataclass
class Surface:
    """A square piece of a part.

    Attributes:
        height: [S, S] in pixels above the mean plane.
        colour: [S, S, 3] share of light sent back, linear, blue-green-red, 0 to 1.
        gloss: [S, S] strength of the mirror reflection, 0 matt to 1 polished.
        sharpness: exponent of the highlight; larger is smaller and brighter.
        bare: colour of what lies below the skin (metal under paint, wood under varnish).
        kind: name of the texture.
    """

    height: Field
    colour: Field
    gloss: Field
    sharpness: float
    bare: tuple[float, float, float]
    kind: str

    @property
    def size(self) -> int:
        """Pixels a side."""
        return int(self.height.shape[0])


def brushed(rng: Rng, size: int) -> Surface:
    """Metal brushed in one direction."""
    angle = rng.uniform(-15, 15) + (90 if rng.random() < 0.3 else 0)
    fine = streaks(rng, size, rng.uniform(25, 70), 0.6)
    coarse = streaks(rng, size, rng.uniform(80, 160), rng.uniform(1.2, 2.5))
    lines = turned(0.7 * fine + 0.5 * coarse, angle)
    base = _metal(rng)
    # Brushing spreads the lamp's mirror image into a band along the marks' normal.
    across = turned(np.mgrid[0:size, 0:size][1].astype(np.float32), angle) / size
    band = np.exp(-(((across - rng.uniform(-0.2, 1.2)) / rng.uniform(0.15, 0.45)) ** 2))
    tone = 1 + 0.07 * lines + 0.05 * smooth(rng, size, 300) + rng.uniform(0, 0.5) * band
    return _made("brushed", lines * rng.uniform(0.05, 0.1), base, tone, 0.35, 9, _darker(base, 0.7))


def ground(rng: Rng, size: int) -> Surface:
    """Metal turned on a lathe: concentric marks around a centre outside or inside the view."""
    cx, cy = (rng.uniform(-0.6, 1.6) * size for _ in range(2))
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    radius = np.sqrt((x - cx) ** 2 + (y - cy) ** 2)
    length = int(radius.max()) + 4
    profile = cv2.GaussianBlur(rng.standard_normal((1, length * 2)).astype(np.float32), (0, 0), 1.0)
    pitch = rng.uniform(5, 14)
    profile = profile[0, :length] / profile.std() * 0.6
    profile += np.sin(np.arange(length) / pitch * 2 * np.pi, dtype=np.float64).astype(np.float32)
    wobble = radius + 0.8 * smooth(rng, size, 180)
    marks = cv2.remap(
        profile[None], np.clip(wobble, 0, length - 1), np.zeros_like(wobble), cv2.INTER_LINEAR
    )
    base = _metal(rng)
    tone = 1 + 0.05 * marks + 0.04 * grain(rng, size, 0.7)
    return _made("ground", marks * rng.uniform(0.06, 0.16), base, tone, 0.4, 12, _darker(base, 0.7))


def cast(rng: Rng, size: int) -> Surface:
    """Sand-cast iron or aluminium: grainy and dull."""
    rough = fractal(rng, size, rng.uniform(8, 18), 4, 0.7)
    lumps = fractal(rng, size, 90, 3)
    height = rough * rng.uniform(0.35, 0.7) + lumps * 1.2
    base = np.asarray(rng.uniform(0.16, 0.42)) * (1 + rng.uniform(-0.04, 0.04, 3))
    tone = 1 + 0.1 * rough + 0.06 * lumps + 0.05 * grain(rng, size, 0.8)
    return _made("cast", height, base, tone, 0.12, 7, tuple(np.clip(base * 1.7, 0, 0.8)))


def painted(rng: Rng, size: int) -> Surface:
    """Sprayed paint with orange peel."""
    peel = fractal(rng, size, rng.uniform(10, 26), 2, 0.4)
    palette = (
        (0.55, 0.25, 0.08), (0.05, 0.06, 0.45), (0.6, 0.6, 0.58), (0.12, 0.12, 0.12),
        (0.12, 0.35, 0.55), (0.22, 0.4, 0.16), (0.3, 0.32, 0.33), (0.1, 0.42, 0.6),
    )  # fmt: skip
    base = np.asarray(palette[rng.integers(len(palette))]) * rng.uniform(0.8, 1.15)
    tone = 1 + 0.015 * smooth(rng, size, 200) + 0.012 * grain(rng, size, 0.6)
    bare = _metal(rng) * 0.8
    return _made("painted", peel * rng.uniform(0.1, 0.35), base, tone, 0.35, 28, tuple(bare))


def fabric(rng: Rng, size: int) -> Surface:
    """Plain or twill weave."""
    pitch = rng.uniform(7, 15)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    x = x + 0.9 * smooth(rng, size, 60) + 0.5 * smooth(rng, size, 14)
    y = y + 0.9 * smooth(rng, size, 60) + 0.5 * smooth(rng, size, 14)
    u, v = x / pitch, y / pitch
    warp, weft = np.abs(np.sin(np.pi * u)), np.abs(np.sin(np.pi * v))
    step = np.floor(u) + np.floor(v) * (1 if rng.random() < 0.5 else 2)
    over = (np.mod(step, 2 if rng.random() < 0.6 else 3) < 1).astype(np.float32)
    over = cv2.GaussianBlur(over, (0, 0), pitch * 0.12)
    height = over * warp**0.6 + (1 - over) * weft**0.6
    fibre = over * streaks(rng, size, 0.8, 5) + (1 - over) * streaks(rng, size, 5, 0.8)
    base = _cloth(rng)
    second = np.clip(base * rng.uniform(0.75, 1.2), 0.03, 0.9)
    colour = over[..., None] * base + (1 - over[..., None]) * second
    tone = 0.72 + 0.3 * height + 0.06 * fibre + 0.03 * smooth(rng, size, 120)
    height = height * pitch * 0.1 + fibre * 0.08
    return _made("fabric", height, colour, tone, 0.03, 5, tuple(base * 0.35))


def wood(rng: Rng, size: int) -> Surface:
    """Planed wood with grain and pores."""
    angle = rng.uniform(-8, 8) + (90 if rng.random() < 0.4 else 0)
    bend = fractal(rng, size, 150, 2, stretch=4)
    y = np.mgrid[0:size, 0:size][0].astype(np.float32)
    rings = np.sin((y + 22 * bend) / rng.uniform(7, 20) + 0.4 * streaks(rng, size, 60, 1))
    pores = np.clip(streaks(rng, size, 9, 0.5) - 1.6, 0, None)
    light = np.asarray((0.3, 0.5, 0.68)) * rng.uniform(0.55, 1.0)
    dark = light * np.asarray((0.55, 0.62, 0.72))
    share = turned((0.5 + 0.32 * rings + 0.1 * streaks(rng, size, 40, 0.7)).clip(0, 1), angle)
    colour = share[..., None] * light + (1 - share[..., None]) * dark
    pores = turned(pores.astype(np.float32), angle)
    tone = 1 - 0.22 * pores + 0.03 * grain(rng, size, 0.6)
    height = turned(rings.astype(np.float32), angle) * 0.12 - 0.5 * pores
    return _made("wood", height, colour, tone, 0.08, 12, tuple(light * 1.15))


def leather(rng: Rng, size: int) -> Surface:
    """Grained leather or moulded plastic skin."""
    near, to_edge = cells(rng, size, rng.uniform(6, 11))
    bump = cv2.GaussianBlur(1 - np.exp(-to_edge / 2.2), (0, 0), rng.uniform(0.6, 1.6))
    base = _cloth(rng) * 0.8
    tone = 0.82 + 0.2 * bump + 0.03 * fractal(rng, size, 100, 3)
    height = bump * 1.3 + 0.05 * near + 0.3 * fractal(rng, size, 60, 3)
    return _made("leather", height, base, tone, 0.15, 10, tuple(base * 1.8))


def stone(rng: Rng, size: int) -> Surface:
    """Concrete, ceramic or composite with specks."""
    cloud = fractal(rng, size, rng.uniform(60, 160), 5, 0.6)
    specks = (grain(rng, size, rng.uniform(0.8, 1.6)) > 2.1).astype(np.float32)
    specks = cv2.GaussianBlur(specks, (0, 0), 0.7)
    base = np.asarray((0.45, 0.47, 0.5)) * rng.uniform(0.6, 1.35) * rng.uniform(0.94, 1.06, 3)
    tone = 1 + 0.05 * cloud + 0.04 * grain(rng, size, 0.8) + specks * rng.uniform(-0.4, 0.25)
    height = fractal(rng, size, 12, 3) * rng.uniform(0.05, 0.25)
    return _made("stone", height, base, tone, rng.uniform(0.02, 0.2), 18, tuple(base * 0.7))


def board(rng: Rng, size: int) -> Surface:
    """A printed circuit board: mask, traces, pads, holes and print."""
    trace, pad, hole, ink = (np.zeros((size, size), np.float32) for _ in range(4))
    pitch = int(rng.integers(22, 36))
    width = max(2, round(pitch * rng.uniform(0.16, 0.3)))
    for _ in range(int(rng.integers(10, 18))):
        _route(rng, trace, pitch, width, pad)
    for _ in range(int(rng.integers(2, 5))):
        _package(rng, pad, ink, pitch)
    for _ in range(int(rng.integers(8, 26))):
        at = tuple(int(v) for v in rng.integers(1, size // pitch, 2) * pitch)
        cv2.circle(pad, at, pitch // 3, 1.0, -1, cv2.LINE_AA)
        cv2.circle(hole, at, max(2, pitch // 7), 1.0, -1, cv2.LINE_AA)
    mask_colours = ((0.05, 0.2, 0.05), (0.28, 0.1, 0.03), (0.03, 0.03, 0.28), (0.04, 0.05, 0.05))
    mask = np.asarray(mask_colours[rng.choice(4, p=(0.65, 0.15, 0.1, 0.1))]) * rng.uniform(0.8, 1.3)
    metal = np.asarray(((0.25, 0.6, 0.78), (0.62, 0.66, 0.67))[int(rng.random() < 0.5)])
    trace = np.maximum(trace, cv2.dilate(pad, np.ones((3, 3))))
    colour = mask * (1 + 0.55 * cv2.GaussianBlur(trace, (0, 0), 0.8)[..., None])
    colour = _over(colour, metal, pad)
    colour = _over(colour, np.asarray((0.75, 0.77, 0.77)), ink * (1 - pad))
    colour = _over(colour, np.asarray((0.015, 0.015, 0.015)), hole)
    weave = np.sin(np.mgrid[0:size, 0:size].sum(0) / 3.1).astype(np.float32)
    tone = 1 + 0.02 * grain(rng, size, 0.7) + 0.012 * weave
    height = cv2.GaussianBlur(trace * 1.1 + pad * 0.6 - hole * 6, (0, 0), 0.9)
    made = _made("board", height, colour, tone, 0.25, 22, (0.3, 0.42, 0.46))
    made.gloss = (0.22 + 0.35 * pad - 0.2 * hole).clip(0, 1).astype(np.float32)
    return made


TEXTURES: dict[str, Callable[[Rng, int], Surface]] = {
    texture.__name__: texture
    for texture in (brushed, ground, cast, painted, fabric, wood, leather, stone, board)
}


def _made(
    kind: str,
    height: NDArray[Any],
    colour: NDArray[Any],
    tone: NDArray[Any],
    gloss: float,
    sharpness: float,
    bare: tuple[float, ...],
) -> Surface:
    size = height.shape[0]
    full = np.clip(np.broadcast_to(colour, (size, size, 3)) * tone[..., None], 0.005, 0.95)
    return Surface(
        height=height.astype(np.float32),
        colour=full.astype(np.float32),
        gloss=np.full((size, size), gloss, np.float32),
        sharpness=sharpness,
        bare=(float(bare[0]), float(bare[1]), float(bare[2])),
        kind=kind,
    )


def _metal(rng: Rng) -> np.ndarray:
    tints = ((1, 1, 1), (1.04, 1.0, 0.96), (0.62, 0.85, 1.0), (0.72, 0.82, 1.0))
    tint = np.asarray(tints[rng.choice(4, p=(0.5, 0.25, 0.15, 0.1))])
    return np.asarray(tint * rng.uniform(0.34, 0.6))


def _cloth(rng: Rng) -> np.ndarray:
    if rng.random() < 0.5:
        return np.asarray(rng.uniform(0.12, 0.7) * rng.uniform(0.9, 1.1, 3)).clip(0.03, 0.8)
    return np.asarray(rng.uniform(0.06, 0.6, 3))


def _darker(colour: np.ndarray, by: float) -> tuple[float, ...]:
    return tuple(float(value) * by for value in colour)


def _over(below: np.ndarray, above: np.ndarray, cover: Field) -> np.ndarray:
    return np.asarray(below * (1 - cover[..., None]) + above * cover[..., None])


def _route(rng: Rng, trace: Field, pitch: int, width: int, pad: Field) -> None:
    """A bundle of parallel traces that runs straight, bends by 45° and runs on."""
    size = trace.shape[0]
    count = int(rng.integers(1, 5))
    gap = max(width * 2 + 2, pitch // 2)
    start = rng.integers(0, size // pitch, 2) * pitch
    lengths = rng.integers(2, 9, 3) * pitch
    turn = int(rng.integers(4)) * 2
    bend = int(rng.choice((-1, 1)))
    steps = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
    for lane in range(count):
        side = steps[(turn + 2) % 8]
        at = start + np.asarray(side) * gap * lane
        path = [at]
        for index, length in enumerate(lengths):
            way = np.asarray(steps[(turn + (bend if index == 1 else 0)) % 8])
            at = at + way * (length // (2 if index == 1 else 1))
            path.append(at)
        cv2.polylines(trace, [np.asarray(path, np.int32)], False, 1.0, width, cv2.LINE_AA)
        if rng.random() < 0.5:
            for end in (path[0], path[-1]):
                cv2.circle(pad, (int(end[0]), int(end[1])), width + 2, 1.0, -1, cv2.LINE_AA)


def _package(rng: Rng, pad: Field, ink: Field, pitch: int) -> None:
    """Two rows of pads for a chip, its outline and its name in print."""
    size = pad.shape[0]
    count = int(rng.integers(3, 10))
    step = max(10, pitch // 2)
    left, top = (int(v) for v in rng.integers(0, size - count * step // 2, 2))
    apart = int(rng.integers(2, 5)) * pitch
    for row in (0, apart):
        for index in range(count):
            corner = (left + index * step, top + row)
            foot = (corner[0] + step // 2, corner[1] + step)
            cv2.rectangle(pad, corner, foot, 1.0, -1, cv2.LINE_AA)
    low, high = (left - 6, top + step + 6), (left + count * step, top + apart - 6)
    cv2.rectangle(ink, low, high, 1.0, 2, cv2.LINE_AA)
    name = f"{'RCUQLD'[int(rng.integers(6))]}{int(rng.integers(1, 400))}"
    np.maximum(ink, written(size, name, (left, high[1] - 6), 0.5, 1), out=ink)
