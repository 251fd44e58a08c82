"""The lungs: their substance, fissures, vessels and airways."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from apps.report_gen.phantoms.anatomy import Anatomy
from apps.report_gen.phantoms.canvas import Canvas
from apps.report_gen.phantoms.grid import Point, Space
from apps.report_gen.phantoms.mediastinum import Middle, Phase
from apps.report_gen.phantoms.trees import lung_trees


@dataclass(frozen=True, kw_only=True)
class Lungs:
    """Where they are.

    Attributes:
        distance: mm to their surface, below 0 inside [D, H, W].
        share: of voxels inside.
        lobes: uint8, 1 to 5 inside, else 0.
        wall: mm to the cage.
        floor: mm above the diaphragm.
        angle: around the cage from the spine, 0 to π.
        places: points [N, 3] mm inside, at random.
        depth: mm from their surface, of `places`.
        lobe: of `places`.
    """

    distance: Tensor
    share: Tensor
    lobes: Tensor
    wall: Tensor
    floor: Tensor
    angle: Tensor
    places: NDArray[np.float64]
    depth: NDArray[np.float64]
    lobe: NDArray[np.int64]

    def place(self, canvas: Canvas, low: float, high: float, side: float = 0.0) -> Point:
        """A place in the lungs between `low` and `high` mm below their surface, if there is one."""
        fits = (self.depth >= low) & (self.depth <= high)
        if side:
            fits &= np.sign(self.places[:, 2]) == side
        chosen = np.flatnonzero(fits)
        if not len(chosen):
            chosen = np.arange(len(self.places))
        z, y, x = self.places[canvas.chance.draw.choice(chosen)]
        return float(z), float(y), float(x)


def measure_lungs(
    canvas: Canvas, who: Anatomy, middle: Middle, cage: Tensor, angle: Tensor
) -> Lungs:
    """Where the lungs are, between what else there is."""
    at, grid = canvas.at, canvas.grid
    distance = who.lungs(at, middle.solid)
    share = canvas.cover(distance)
    lobes = torch.where(distance < 0, who.lobes(at), 0).to(torch.uint8)
    half = np.multiply(grid.shape, grid.spacing) / 2
    points = canvas.chance.draw.uniform(-half, half, (6000, 3))
    index = grid.index(torch.tensor(points, dtype=torch.float32)).round().long()
    index = torch.minimum(index.clamp(min=0), torch.tensor(grid.shape) - 1).to(grid.device)
    found = distance[index[:, 0], index[:, 1], index[:, 2]]
    lobe = lobes[index[:, 0], index[:, 1], index[:, 2]]
    both = torch.stack([found, lobe.float()]).cpu().numpy()
    inside = both[0] < -1.5
    if not inside.any():  # a grid that holds no lung
        points, inside = np.zeros((1, 3)), np.array([True])
        both = np.array([[-5.0], [1.0]])
    return Lungs(
        distance=distance,
        share=share,
        lobes=lobes,
        wall=cage,
        floor=at.z - who.diaphragm(at),
        angle=angle,
        places=points[inside],
        depth=-both[0][inside].astype(float),
        lobe=both[1][inside].astype(int),
    )


def draw_substance(canvas: Canvas, who: Anatomy, lungs: Lungs, base: float) -> None:
    """Air and tissue too fine to be seen, denser where the patient lies; the fissures."""
    at = canvas.at
    weight = -at.y / who.half_depth
    air = base + 28 * weight + 22 * (weight.clamp(min=0.25) - 0.25) ** 2
    air = air + 10 * canvas.texture(28) + 15 * canvas.texture(9) + 18 * canvas.texture(4.5)
    canvas.paint(lungs.share, air)
    if canvas.chance.happens(0.6):  # a little collapse where the patient lies, as in everybody
        layer = torch.exp((lungs.wall + 2) / 7.0) * (1 - lungs.angle / 1.3).clamp(min=0)
        amount = canvas.chance.between(60, 260)
        patchy = (0.6 + 0.5 * canvas.texture(16)).clamp(0, 1)
        canvas.hu.add_(layer * amount * patchy * lungs.share)
    _fissures(canvas, who, lungs)


def _fissures(canvas: Canvas, who: Anatomy, lungs: Lungs) -> None:
    at = canvas.at
    wobble = 1.6 * canvas.texture(40)
    oblique = who.oblique(at)
    minor = who.horizontal(at)
    line = (0.9 - (oblique + wobble).abs() / canvas.grid.voxel).clamp(min=0)
    second = (0.8 - (minor + wobble).abs() / canvas.grid.voxel).clamp(min=0)
    second = second * (at.x > 0) * (oblique > 0)
    there = (0.55 + 0.5 * canvas.texture(45)).clamp(0, 1)
    canvas.hu.add_(torch.maximum(line, second) * there * 150 * lungs.share)


def draw_trees(canvas: Canvas, who: Anatomy, lungs: Lungs, phase: Phase) -> Tensor:
    """Vessels and airways; returns the share of voxels in airways."""
    air = torch.zeros_like(canvas.hu)
    inner = canvas.cover(lungs.distance + 0.8)
    for side in (1.0, -1.0):
        arteries, veins, airways = lung_trees(canvas, who, side)
        # The root of each tree passes the hilum's fat and shows there as well.
        near = (canvas.at.x * side - 26).clamp(0, 10) / 10
        hilum = (1 - (lungs.distance / 14).clamp(0, 1)) * near * (lungs.floor > 4)
        room = torch.maximum(inner, hilum * (lungs.wall < -25))
        canvas.paint(canvas.tubes(veins.points, veins.radii) * room, phase.left + 4)
        canvas.paint(canvas.tubes(arteries.points, arteries.radii) * room, phase.right + 4)
        wall = canvas.tubes(airways.points, airways.radii * 1.1 + 0.45)
        canvas.paint(wall * room * 0.8, -220.0)
        lumen = canvas.tubes(airways.points, airways.radii * 0.92) * room
        canvas.paint(lumen, -985.0)
        torch.maximum(air, lumen, out=air)
    return air


def within(lungs: Lungs, at: Space, lobe: int | None) -> Tensor:
    """1 in a lobe (1 to 5), or in both lungs, else 0."""
    if lobe is None:
        return lungs.share
    return lungs.share * (lungs.lobes == lobe)
