"""Trees of vessels and airways: grown level by level, each branch parting in two.

A branch keeps most of its direction, is drawn outwards from the hilum, and bends at random; radii
at a parting follow Murray's law (r³ = r₁³ + r₂³; Murray, 1926).
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from apps.report_gen.phantoms.anatomy import Anatomy
from apps.report_gen.phantoms.canvas import Canvas, densify
from apps.report_gen.phantoms.grid import Chance, Point

Array = NDArray[np.float64]


class Tree(NamedTuple):
    """Balls that make its branches; `level` is the generation of each."""

    points: Tensor
    radii: Tensor
    level: Tensor


def grow(
    chance: Chance, roots: Array, directions: Array, radius: float, centre: Point, *,
    levels: int, length: float, gap: float, spread: float = 0.7,
) -> Tree:  # fmt: skip
    """A tree from each of `roots` [R, 3] in `directions` [R, 3].

    Args:
        radius: of the roots, mm.
        centre: branches are drawn away from it.
        length: of the first branches, mm; later ones are shorter.
        gap: mm between the balls.
    """
    draw = chance.draw
    start = roots.astype(float)
    heading = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    radii = np.full(len(start), radius)
    # What leaves upwards or downwards has further to go.
    stretch = 0.82 + 0.5 * np.abs(heading[:, 0])
    points, sizes, levels_of = [], [], []
    for level in range(levels):
        count = len(start)
        reach = length * stretch * 0.84**level * draw.uniform(0.7, 1.25, count)
        away = start - np.asarray(centre)
        away /= np.linalg.norm(away, axis=1, keepdims=True) + 1e-6
        bend = heading + 0.35 * away + 0.30 * draw.normal(size=(count, 3))
        bend /= np.linalg.norm(bend, axis=1, keepdims=True)
        middle = start + heading * (0.5 * reach)[:, None]
        end = middle + bend * (0.5 * reach)[:, None]
        taper = 0.92
        pieces = max(2, int(np.ceil(length * 0.84**level / gap)))
        t = np.linspace(0, 1, pieces)[None, :, None]
        curve = (
            (1 - t) ** 2 * start[:, None] + 2 * t * (1 - t) * middle[:, None] + t**2 * end[:, None]
        )
        points.append(curve.reshape(-1, 3))
        sizes.append((radii[:, None] * (1 - (1 - taper) * t[:, :, 0])).reshape(-1))
        levels_of.append(np.full(count * pieces, level))
        # Two children in a plane of their own, the larger one turning less.
        side = np.cross(bend, draw.normal(size=(count, 3)))
        side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-6
        share = draw.uniform(0.25, 0.5, count)
        small, large = radii * taper * share ** (1 / 3), radii * taper * (1 - share) ** (1 / 3)
        turn = spread * draw.uniform(0.7, 1.4, count)
        first = bend + side * turn[:, None]
        second = bend - side * (turn * share / (1 - share))[:, None]
        start = np.concatenate([end, end])
        stretch = np.concatenate([stretch, stretch])
        heading = np.concatenate([first, second])
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        radii = np.maximum(np.concatenate([small, large]), 0.55)
    return Tree(
        torch.tensor(np.concatenate(points), dtype=torch.float32),
        torch.tensor(np.concatenate(sizes), dtype=torch.float32),
        torch.tensor(np.concatenate(levels_of)),
    )


ROOTS = 14
LOBAR = (
    (0.95, 0.05, 0.25), (0.85, 0.35, 0.35), (0.8, -0.35, 0.45), (0.55, 0.75, 0.35),
    (0.5, -0.6, 0.6), (0.35, 0.2, 0.9), (0.0, 0.85, 0.5), (-0.05, 0.4, 0.9), (0.0, -0.85, 0.5),
    (-0.75, 0.35, 0.5), (-0.85, 0.0, 0.5), (-0.8, -0.45, 0.35), (-0.45, -0.25, 0.85),
    (-0.5, -0.8, 0.3),
)  # fmt: skip
"""Directions (z, y, x outwards) in which the large branches leave a hilum."""


def lung_trees(canvas: Canvas, who: Anatomy, side: float) -> tuple[Tree, Tree, Tree]:
    """Arteries, veins and airways of the lung on the right (1) or left (-1)."""
    chance = canvas.chance
    heart = who.heart_parts()
    z = heart[3][0][0] + (20 if side > 0 else 27)
    hilum = (z, -12.0, side * 44.0)
    toward = np.asarray(LOBAR) * (1, 1, side)
    gap = max(1.2, 0.8 * canvas.grid.voxel)
    arteries = grow(
        chance, np.tile(hilum, (ROOTS, 1)) + 5 * toward,
        toward + chance.draw.normal(0, 0.12, (ROOTS, 3)), 3.7,
        (z, -8.0, side * 12.0), levels=8, length=24.0, gap=gap,
    )  # fmt: skip
    atrium = (heart[3][0][0] + 2, heart[3][0][1], side * 34.0)
    veins = grow(
        chance, np.tile(atrium, (ROOTS, 1)) + 8 * toward * (0.7, 1, 1),
        toward * (1, 1, 1.2) + chance.draw.normal(0, 0.2, (ROOTS, 3)),
        3.4, atrium, levels=8, length=26.0, gap=gap,
    )  # fmt: skip
    airways = grow(
        chance, np.tile(hilum, (ROOTS, 1)) + (0, -3, -2 * side) + 3 * toward, toward,
        2.7, (z, -10.0, side * 12.0), levels=4, length=24.0, gap=gap,
    )  # fmt: skip
    return arteries, veins, airways


def liver_vessels(canvas: Canvas, who: Anatomy) -> Tensor | None:
    """Shares of voxels in the liver's veins."""
    root = np.array([[who.domes[0] - 32.0, -18.0, 22.0]] * 3)
    toward = np.array([(-0.5, 0.1, 1.0), (-0.3, 0.9, 0.6), (-0.1, 0.8, -0.4)])
    tree = grow(
        canvas.chance, root, toward, 4.6, (who.domes[0], -30.0, 0.0),
        levels=5, length=34.0, gap=1.6,
    )  # fmt: skip
    return canvas.tubes(tree.points, tree.radii)


def tubes_along(points: Tensor, start: float, end: float, gap: float) -> tuple[Tensor, Tensor]:
    """Balls along a curve [N, 3] whose radius goes from `start` to `end`."""
    dense = densify(points, gap)
    return dense, torch.linspace(start, end, len(dense))
