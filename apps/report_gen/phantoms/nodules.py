"""Focal lesions of the lung: nodules and masses with the measures of real ones."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.findings import MASS_FROM_MM
from apps.report_gen.phantoms.anatomy import LOBES
from apps.report_gen.phantoms.canvas import Canvas
from apps.report_gen.phantoms.grid import Box, Point, Space
from apps.report_gen.phantoms.lungs import Lungs
from apps.report_gen.phantoms.shapes import Shape, shapes

SMALLEST = 4.0
"""mm; nodules of phantoms are at least this long."""
MOST = 6
LEAST_CONTRAST = 40.0
"""HU between a nodule and what is within two voxels of it; fluid or collapsed lung that is drawn
over one, or consolidation around it, leaves less, and nobody could mark it."""


class Lesion(NamedTuple):
    """One focal lesion: its kind, where it is, and the voxels of it within a box."""

    kind: str
    centre: Point
    box: Box
    mask: Tensor


def form(canvas: Canvas, at: Space, centre: Point, shape: Shape, radius: float) -> Tensor:
    """Distance to a body with the outline's harmonics of `shape` and the mean `radius`.

    A radius over directions: plane waves on the sphere for the long and the lobed part, and
    narrow peaks for spicules.
    """
    draw = canvas.chance.draw
    dz, dy, dx = (axis - middle for axis, middle in zip(at, centre, strict=True))
    tall = min(max(shape.tall, 0.6), 1.5)
    dz = dz / tall
    away = (dz * dz + dy * dy + dx * dx + 1e-6).sqrt()
    u = (dz / away, dy / away, dx / away)

    def along(axis: np.ndarray) -> Tensor:
        z, y, x = (axis / np.linalg.norm(axis)).tolist()
        projected: Tensor = u[0] * z + u[1] * y + u[2] * x
        return projected

    swell = shape.long * (2 * along(draw.normal(size=3)) ** 2 - 0.66)
    for _ in range(3):
        wave = torch.cos(draw.uniform(3, 5) * along(draw.normal(size=3)) + draw.uniform(0, 6))
        swell = swell + shape.lobed * 0.8 * wave
    spikes = round(4 + 160 * max(0.0, shape.spiky - 0.04))
    for _ in range(min(spikes, 14)):
        peak = torch.exp((along(draw.normal(size=3)) - 1) * draw.uniform(30, 90))
        swell = swell + peak * shape.spiky * draw.uniform(1.0, 6.0)
    return away - radius * (1 + swell).clamp(min=0.4)


def substance(canvas: Canvas, shape: Shape, box: Box, enhancement: float) -> tuple[float, Tensor]:
    """How much of the lung a lesion replaces (0 to 1), and its HU."""
    chance = canvas.chance
    grain = canvas.texture(4.0, box)
    if shape.calcified < 5.5 and chance.happens(0.8):
        return 1.0, 330 + 120 * grain
    if shape.texture <= 2.2:  # ground glass
        return 0.75, -560 + chance.between(-80, 130) + 60 * grain
    if shape.texture <= 3.8:  # part-solid
        return 0.9, -240 + chance.between(-120, 120) + 150 * grain
    return 1.0, chance.between(12, 48) + enhancement + 14 * grain


def draw_nodules(
    canvas: Canvas, lungs: Lungs, enhancement: float, held_out: bool, others: list[Lesion]
) -> list[Lesion]:
    """Nodules, most often one, apart from `others`; sizes, forms and subtlety as in LIDC."""
    chance = canvas.chance
    table = [
        shape for shape in shapes(held_out=held_out) if SMALLEST <= shape.longest < MASS_FROM_MM
    ]
    count = min(MOST, 1 + chance.draw.geometric(0.55))
    made: list[Lesion] = []
    for _ in range(count):
        shape = table[int(chance.draw.integers(len(table)))]
        radius = shape.diameter / 2
        # A third touches the pleura; the rest lies anywhere.
        low, high = (0.2 * radius, 0.9 * radius) if chance.happens(0.33) else (radius, 60.0)
        centre = lungs.place(canvas, max(1.6, low), max(3.0, high))
        lesion = _draw(
            canvas, lungs, "lung_nodule", shape, centre, radius, enhancement, [*others, *made]
        )
        if lesion is not None:
            made.append(lesion)
    return made


def draw_masses(canvas: Canvas, lungs: Lungs, enhancement: float, held_out: bool) -> list[Lesion]:
    """One mass, seldom two: large, lobed, often with a dead or hollow middle."""
    chance = canvas.chance
    table = [shape for shape in shapes(held_out=held_out) if shape.malignancy > 3.4]
    made: list[Lesion] = []
    for _ in range(2 if chance.happens(0.12) else 1):
        shape = table[int(chance.draw.integers(len(table)))]
        radius = chance.between(17, 30)
        centre = lungs.place(canvas, 0.35 * radius, 1.2 * radius)
        solid = Shape(**{**vars(shape), "texture": 5.0, "calcified": 6.0})
        lesion = _draw(canvas, lungs, "mass", solid, centre, radius, enhancement, made)
        if lesion is None:
            continue
        made.append(lesion)
        if chance.happens(0.4):
            at = canvas.grid.space(lesion.box)
            core = form(canvas, at, centre, shape, radius * chance.between(0.35, 0.6))
            hollow = chance.happens(0.35)
            canvas.paint(canvas.cover(core, 2.0), -960.0 if hollow else 14.0, lesion.box)
    return made


def _draw(
    canvas: Canvas, lungs: Lungs, kind: str, shape: Shape, centre: Point, radius: float,
    enhancement: float, others: list[Lesion],
) -> Lesion | None:  # fmt: skip
    """One lesion, unless it would touch another."""
    if any(math.dist(centre, other.centre) < 3.0 * radius + 12 for other in others):
        return None
    box = canvas.grid.box(centre, 2.2 * radius + 4)
    if box is None:
        return None
    at = canvas.grid.space(box)
    distance = form(canvas, at, centre, shape, radius)
    # It stays in its lung, but for what grows into the pleura.
    distance = torch.maximum(distance, lungs.distance[box] + 0.4)
    soft = 1.0 + 0.35 * (5 - min(5.0, shape.margin))
    amount, value = substance(canvas, shape, box, enhancement)
    faint = 0.7 if shape.subtlety < 2.6 and kind == "lung_nodule" else 1.0
    share = canvas.cover(distance, soft)
    hu = canvas.hu[box]
    # Vessels and walls that run through are not thinned by ground glass.
    fill = torch.where(hu > value, hu, value) if amount < 1 else value
    canvas.paint(share * amount * faint, fill, box)
    return Lesion(kind, centre, box, share > 0.5)


def stands_out(canvas: Canvas, lesion: Lesion) -> bool:
    """Whether a lesion can be told from what lies around it, once everything is drawn."""
    around = F.max_pool3d(lesion.mask[None, None].float(), 5, 1, 2)[0, 0] > 0
    hu = canvas.hu[lesion.box]
    gap = hu[lesion.mask].mean() - hu[around & ~lesion.mask].mean()
    return bool(gap.abs() >= LEAST_CONTRAST)


def lobe_of(lungs: Lungs, lesion: Lesion) -> int:
    """The value in the map of lobes where most of a lesion lies; 0 if it lies in none."""
    counts = torch.bincount(lungs.lobes[lesion.box][lesion.mask].long(), minlength=len(LOBES) + 1)
    counts[0] = 0
    return int(counts.argmax()) if int(counts.max()) else 0
