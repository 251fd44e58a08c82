"""Fluid and air between lung and wall."""

from typing import NamedTuple

import torch
from torch import Tensor

from apps.report_gen.phantoms.canvas import Canvas
from apps.report_gen.phantoms.grid import step
from apps.report_gen.phantoms.lungs import Lungs


class Layer(NamedTuple):
    """Its voxels, the distance to it in mm, and its thickness as a share of the greatest."""

    mask: Tensor
    distance: Tensor
    height: Tensor


def sides_of(canvas: Canvas, both: float) -> tuple[float, ...]:
    """One side, or both with probability `both`."""
    if canvas.chance.happens(both):
        return (1.0, -1.0)
    return (float(canvas.chance.draw.choice([1.0, -1.0])),)


def draw_effusion(canvas: Canvas, lungs: Lungs, side: float) -> Layer:
    """Fluid, thick at the back and low, thinning upwards and around the side."""
    chance, at = canvas.chance, canvas.at
    thick = float(chance.draw.choice([chance.between(7, 16), chance.between(16, 45)], p=[0.4, 0.6]))
    top = chance.between(-10, 70) if thick > 16 else chance.between(-45, 20)
    reach = chance.between(1.1, 1.7)
    around = (1 - (lungs.angle / reach).clamp(0, 1) ** 2.2).clamp(min=0)
    up = 1 - step(at.z, top - 70, top)
    depth = -(lungs.wall + 2)
    level = depth - thick * around * up * (1 + 0.1 * canvas.texture(40))
    # What lies on the diaphragm at the back belongs to it.
    floor = lungs.floor - 0.45 * thick * around * up
    fluid = torch.minimum(level, floor)
    fluid = torch.where(at.x * side > 0, fluid, 80.0)
    share = canvas.cover(fluid, 1.3) * lungs.share * (at.x * side > 0)
    # A thin film at the rim does not count as fluid.
    share = share * (thick * around * up > 2.0)
    canvas.paint(share, chance.between(0, 22) + 3 * canvas.texture(12))
    return Layer(share > 0.5, fluid, around * up)


def draw_pneumothorax(canvas: Canvas, lungs: Lungs, side: float) -> Layer:
    """Air at the front and the top, the lung's edge a thin line."""
    chance, at = canvas.chance, canvas.at
    thick = float(
        chance.draw.choice([chance.between(7, 15), chance.between(15, 40)], p=[0.45, 0.55])
    )
    bottom = chance.between(-70, 20)
    start = chance.between(1.1, 1.7)
    around = step(lungs.angle, start, 2.6)
    apex = step(at.z, 60, 110)
    up = step(at.z, bottom, bottom + 50)
    depth = -(lungs.wall + 2)
    height = thick * torch.maximum(around, 0.8 * apex) * up * (1 + 0.08 * canvas.texture(45))
    air = torch.where(at.x * side > 0, depth - height, 80.0)
    share = canvas.cover(air, 1.0) * lungs.share * (height > 2.0)
    # Less room makes the lung denser.
    near = lungs.share * (at.x * side > 0) * (air > 0)
    canvas.hu.add_(near * min(110.0, 3.2 * thick) * (canvas.hu < -500))
    canvas.paint(share, -1000.0)
    line = (1 - (air - 0.6).abs() / (0.75 * canvas.grid.voxel)).clamp(min=0) * (height > 2.0)
    canvas.hu.add_(line * lungs.share * 330 * (canvas.hu < -350))
    return Layer(share > 0.5, air, height / thick)
