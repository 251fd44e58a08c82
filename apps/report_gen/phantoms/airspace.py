"""Diffuse and regional disease of the lungs: ground glass, consolidation, collapse, emphysema."""

import numpy as np
import torch
from torch import Tensor

from apps.report_gen.phantoms.canvas import Canvas
from apps.report_gen.phantoms.grid import Box, Point, ellipsoid
from apps.report_gen.phantoms.lungs import Lungs
from apps.report_gen.phantoms.pleura import Layer


def _blob(canvas: Canvas, centre: Point, radius: float, rough: float) -> tuple[Box, Tensor] | None:
    """A box and the distance to an uneven body in it."""
    stretch = canvas.chance.draw.uniform(0.7, 1.3, 3)
    radii = (radius * stretch[0], radius * stretch[1], radius * stretch[2])
    box = canvas.grid.box(centre, 1.8 * radius + 6)
    if box is None:
        return None
    at = canvas.grid.space(box)
    distance = ellipsoid(at, centre, radii)
    distance = distance + rough * radius * (
        0.22 * canvas.texture(radius, box) + 0.14 * canvas.texture(radius / 2.5, box)
        + 0.06 * canvas.texture(6, box)
    )  # fmt: skip
    return box, distance


def _confined(canvas: Canvas, lungs: Lungs, centre: Point, box: Box) -> Tensor:
    """1 in the lobe that `centre` lies in: fissures stop what fills the lung."""
    index = canvas.grid.index(torch.tensor([centre]))[0].round().long().tolist()
    index = [min(max(0, at), size - 1) for at, size in zip(index, canvas.grid.shape, strict=True)]
    lobe = lungs.lobes[index[0], index[1], index[2]]
    return lungs.share[box] * (lungs.lobes[box] == lobe)


def draw_ground_glass(canvas: Canvas, lungs: Lungs) -> Tensor:
    """Hazy areas through which vessels are seen: one, several at the pleura, or wide ones."""
    chance = canvas.chance
    haze = torch.zeros_like(canvas.hu)
    pattern = chance.draw.choice(["one", "edge", "wide"], p=[0.35, 0.4, 0.25])
    side = float(chance.draw.choice([1.0, -1.0, 0.0], p=[0.3, 0.25, 0.45]))
    count = {"one": 1, "edge": int(chance.between(3, 9)), "wide": int(chance.between(2, 5))}[
        pattern
    ]
    for _ in range(count):
        low, high = (2, 14) if pattern == "edge" else (4, 60)
        radius = {"one": chance.between(16, 34), "edge": chance.between(12, 26),
                  "wide": chance.between(28, 55)}[pattern]  # fmt: skip
        made = _blob(canvas, lungs.place(canvas, low, high, side), radius, 1.3)
        if made is None:
            continue
        box, distance = made
        share = (0.5 - distance / chance.between(6, 12)).clamp(0, 1) * chance.between(0.75, 1.0)
        torch.maximum(haze[box], share, out=haze[box])
    haze = haze * lungs.share
    level = chance.between(-640, -480)
    fine = level + 45 * canvas.texture(7) + 30 * canvas.texture(3.5)
    canvas.paint(haze, torch.maximum(canvas.hu, fine))
    return haze > 0.4


def draw_consolidation(canvas: Canvas, lungs: Lungs) -> Tensor:
    """Lung filled with fluid or cells: airways stay open in it, fissures bound it."""
    chance = canvas.chance
    filled = torch.zeros_like(canvas.hu)
    side = float(chance.draw.choice([1.0, -1.0, 0.0], p=[0.4, 0.35, 0.25]))
    for _ in range(int(chance.draw.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))):
        radius = chance.between(17, 42)
        centre = lungs.place(canvas, 3, 28, side)
        made = _blob(canvas, centre, radius, 1.5)
        if made is None:
            continue
        box, distance = made
        share = (0.5 - distance / chance.between(3, 7)).clamp(0, 1)
        share = share * _confined(canvas, lungs, centre, box)
        torch.maximum(filled[box], share, out=filled[box])
        halo = (0.5 - (distance - 9) / 12).clamp(0, 0.45) * lungs.share[box]
        canvas.paint(halo, -520.0, box)
    value = (
        chance.between(18, 48)
        + 16 * canvas.texture(7)
        - 60 * (canvas.texture(5) - 0.9).clamp(min=0)
    )
    canvas.paint(filled, value)
    return filled > 0.5


def draw_bands(canvas: Canvas, lungs: Lungs) -> Tensor:
    """Plates of collapsed lung at the bases, and sometimes a wedge where the patient lies."""
    chance, grid = canvas.chance, canvas.grid
    mask = torch.zeros_like(canvas.hu, dtype=torch.bool)
    low = np.flatnonzero((lungs.places[:, 0] < -10) & (lungs.depth > 3) & (lungs.depth < 26))
    side = float(chance.draw.choice([1.0, -1.0, 0.0], p=[0.3, 0.3, 0.4]))
    if side:
        kept = low[np.sign(lungs.places[low, 2]) == side]
        low = kept if len(kept) else low
    if not len(low):
        return mask
    for _ in range(int(chance.between(2, 5))):
        centre = lungs.places[chance.draw.choice(low)]
        thick, wide = chance.between(2.2, 4.8), chance.between(20, 42)
        box = grid.box(tuple(centre.tolist()), wide + 6)
        if box is None:
            continue
        at = grid.space(box)
        normal = chance.draw.normal(size=3) * (1.0, 0.55, 0.35)
        normal /= np.linalg.norm(normal)
        off = [axis - float(middle) for axis, middle in zip(at, centre, strict=True)]
        plane = sum(part * float(n) for part, n in zip(off, normal, strict=True))
        away = (off[0] ** 2 + off[1] ** 2 + off[2] ** 2).sqrt()
        bent = plane + 2.2 * canvas.texture(30, box)
        plate = torch.maximum(bent.abs() - thick / 2 * (1.15 - (away / wide) ** 2), away - wide)
        share = canvas.cover(plate, 1.2) * lungs.share[box]
        canvas.paint(share, 12.0, box)
        mask[box] |= share > 0.4
    return mask


def draw_wedge(canvas: Canvas, lungs: Lungs, layer: Layer, side: float, thick: float) -> Tensor:
    """Lung pressed airless beside a layer of fluid, up to `thick` mm of it."""
    height = thick * layer.height * (1 + 0.35 * canvas.texture(22))
    beside = lungs.share * (canvas.at.x * side > 0) * (layer.height > 0.35)
    share = canvas.cover(layer.distance - height, 1.6) * beside
    share = share * (1 - canvas.cover(layer.distance))
    canvas.paint(share, 58 + 8 * canvas.texture(8))
    return share > 0.5


def draw_emphysema(canvas: Canvas, lungs: Lungs) -> Tensor:
    """Holes without walls, mostly high up; sometimes bullae along the pleura; large dark lungs."""
    chance = canvas.chance
    heavy = chance.between(0.25, 1.0)
    side = float(chance.draw.choice([1.0, -1.0, 0.0], p=[0.06, 0.06, 0.88]))
    places = lungs.places
    # Many places in few clusters: a hole seldom comes alone.
    high = np.clip((places[:, 0] + 60) / 150, 0.04, 1) ** 1.4
    if side:
        high = high * np.where(np.sign(places[:, 2]) == side, 1.0, 0.0)
    if not high.sum():
        return torch.zeros_like(canvas.hu, dtype=torch.bool)
    count = int(250 + 900 * heavy)
    seeds = places[chance.draw.choice(len(places), count, p=high / high.sum())]
    points = np.repeat(seeds, 3, 0) + chance.draw.normal(0, 5.0, (3 * count, 3))
    radii = np.clip(chance.draw.lognormal(np.log(3.0 + 1.8 * heavy), 0.38, len(points)), 1.4, 9)
    if chance.happens(0.45):
        edge = np.flatnonzero((lungs.depth < 12) & (places[:, 0] > 20) & (high > 0))
        if len(edge):
            bullae = places[chance.draw.choice(edge, int(chance.between(4, 18)))]
            points = np.concatenate([points, bullae])
            radii = np.concatenate([radii, chance.draw.uniform(6, 15, len(bullae))])
    holes = canvas.tubes(
        torch.tensor(points, dtype=torch.float32), torch.tensor(radii, dtype=torch.float32)
    )
    holes = holes * canvas.cover(lungs.distance + 1.0)
    canvas.hu.sub_(18 * heavy * lungs.share)
    canvas.paint(holes * chance.between(0.75, 0.95), -985.0)
    return holes > 0.5
