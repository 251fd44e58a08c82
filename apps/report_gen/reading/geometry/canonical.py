"""RAS-canonical order: which way a grid lies, and views that write one order into the other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Turn:
    """How the axes (column, row, image) of a grid become RAS axes: no interpolation, only order.

    `axis[i]` is the RAS axis (0 right, 1 front, 2 head) that grid axis `i` runs along, `flipped[i]`
    says that it runs against it.
    """

    axis: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    shape: tuple[int, int, int]
    """Of the grid: columns, rows, images."""

    @property
    def canonical_shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns of the turned volume."""
        sizes = [0, 0, 0]
        for grid_axis, ras_axis in enumerate(self.axis):
            sizes[ras_axis] = self.shape[grid_axis]
        return sizes[2], sizes[1], sizes[0]

    def affine(self, affine: NDArray[np.float64]) -> NDArray[np.float64]:
        """The affine of the turned volume, from that of the grid."""
        turned = np.eye(4)
        turned[:3, 3] = affine[:3, 3]
        for grid_axis, ras_axis in enumerate(self.axis):
            step = affine[:3, grid_axis]
            if self.flipped[grid_axis]:
                turned[:3, 3] += step * (self.shape[grid_axis] - 1)
                step = -step
            turned[:3, ras_axis] = step
        return turned

    def as_acquired(self, canonical: NDArray[np.int16]) -> NDArray[np.int16]:
        """A view of a canonical array [slice, row, column] as [image, row, column] of the grid.

        What is written into the view lands where it belongs.
        """
        view = canonical.transpose(2, 1, 0).transpose(self.axis)  # [column, row, image] of the grid
        return view[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)].transpose(
            2, 1, 0
        )


def turn(affine: NDArray[np.float64], shape: tuple[int, int, int]) -> Turn:
    """The turn that brings a grid next to the RAS axes; `shape` is columns, rows, images.

    The assignment of axes is the one whose directions add up to the most along RAS, among the six.
    """
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    best = max(
        _ORDERS,
        key=lambda order: sum(abs(directions[order[at], at]) for at in range(3)),
    )
    flipped = tuple(bool(directions[best[at], at] < 0) for at in range(3))
    return Turn(axis=best, flipped=(flipped[0], flipped[1], flipped[2]), shape=shape)


_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def spacing_of(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """Between slices, rows and columns of a canonical affine, mm."""
    column, row, depth = (float(each) for each in np.linalg.norm(affine[:3, :3], axis=0))
    return depth, row, column
