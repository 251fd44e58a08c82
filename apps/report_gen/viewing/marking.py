"""Boxes between the viewer, which draws along the patient's axes, and the grid of the volume.

A volume's axes may be turned against the patient's (up to 10° without being straightened). A box
keeps its middle and its three lengths: its sides turn with the grid, as the voxels do.
"""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.report import Box
from apps.report_gen.reporting.refusing import EditRefused
from apps.report_gen.schema import Grid
from apps.report_gen.viewing.masks import affine_of, millimetres_of, ras_of

LARGEST_MM = 600.0
DIGITS = 2


def stored(grid: Grid, drawn: Box) -> Box:
    """A box as a report keeps it, mm along slices, rows and columns from the first voxel, of the
    one drawn from the patient's left to right, back to front and feet to head (RAS mm).

    Raises:
        EditRefused: it is no box, or its middle lies outside of the volume.
    """
    values = _spans(drawn)
    x, y, z = values.mean(axis=1)
    middle = millimetres_of(grid, (float(x), float(y), float(z)))
    _inside(grid, middle)
    lengths = np.diff(values)[:, 0]
    a, b, c = (
        (round(at - lengths[axis] / 2, DIGITS), round(at + lengths[axis] / 2, DIGITS))
        for at, axis in zip(middle, _patient_axes(grid), strict=True)
    )
    return a, b, c


def checked(grid: Grid, box: Box) -> Box:
    """A box that is said to lie along the grid already, each span from its lower end.

    Raises:
        EditRefused: as `stored`.
    """
    a, b, c = ((float(low), float(high)) for low, high in _spans(box))
    _inside(grid, (sum(a) / 2, sum(b) / 2, sum(c) / 2))
    return a, b, c


def _spans(box: Box) -> NDArray[np.float64]:
    values = np.sort(np.array(box, float), axis=1)
    # Halves are subtracted: the difference of two large numbers may be too large for a number.
    if not np.isfinite(values).all() or (np.diff(values / 2) > LARGEST_MM / 2).any():
        raise EditRefused(
            f"A box has three finite spans of at most {LARGEST_MM:.0f} mm; draw it again.",
            code="box_refused",
        )
    return values


def _inside(grid: Grid, middle: tuple[float, float, float]) -> None:
    for at, size, spacing in zip(middle, grid.shape, grid.spacing, strict=True):
        if not -spacing / 2 <= at <= (size - 0.5) * spacing:
            raise EditRefused(
                "The middle of this box lies outside of the volume; draw it inside.",
                code="box_outside",
            )


def shown(grid: Grid, box: Box) -> Box:
    """The other way: a stored box as spans along the patient's axes, RAS mm."""
    middle, axes = [(low + high) / 2 for low, high in box], _patient_axes(grid)
    centre = ras_of(grid, (middle[0], middle[1], middle[2]))
    half = [0.0, 0.0, 0.0]
    for (low, high), axis in zip(box, axes, strict=True):
        half[axis] = (high - low) / 2
    x, y, z = (
        (round(at - by, DIGITS), round(at + by, DIGITS))
        for at, by in zip(centre, half, strict=True)
    )
    return x, y, z


def _patient_axes(grid: Grid) -> tuple[int, int, int]:
    """For slices, rows and columns the patient's axis (0: x, 1: y, 2: z) that each runs along most
    nearly, every axis once."""
    affine: NDArray[np.float64] = affine_of(grid)[:3, :3]
    directions = np.abs(affine / np.linalg.norm(affine, axis=0))[:, ::-1]
    a, b, c = max(
        permutations(range(3)),
        key=lambda order: float(sum(directions[axis, at] for at, axis in enumerate(order))),
    )
    return a, b, c
