"""The measures of a lesion, from its voxels: the only source of numbers in a report."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
DIRECTIONS = 36


class Measures(NamedTuple):
    """Of one mask; mm from the centre of the volume's first voxel, along z, y, x.

    `longest` is the longest diameter in the axial slice where the mask is largest.
    """

    longest: float
    millilitres: float
    centre: tuple[float, float, float]
    box: tuple[Span, Span, Span]


def measures(at: NDArray[np.int64], spacing: tuple[float, float, float]) -> Measures:
    """Measure a mask from the indices [N, 3] of its voxels, N above 0.

    A diameter is the width of the mask between two parallel lines, the largest over directions;
    voxels count with their area, as a ruler laid over the picture does.
    """
    slices, counts = np.unique(at[:, 0], return_counts=True)
    plane = at[at[:, 0] == slices[counts.argmax()]][:, 1:] * np.asarray(spacing[1:])
    angles = np.arange(DIRECTIONS) * math.pi / DIRECTIONS
    lines = np.stack([np.sin(angles), np.cos(angles)])
    along = plane @ lines
    own = np.abs(lines[0]) * spacing[1] + np.abs(lines[1]) * spacing[2]
    # Half of a voxel's own width at each end overstates round shapes by what the edge leaves out.
    widths = along.max(0) - along.min(0) + 0.8 * own
    places = at * np.asarray(spacing)
    low, high = places.min(0), places.max(0)
    z, y, x = places.mean(0)
    return Measures(
        longest=float(widths.max()),
        millilitres=len(at) * math.prod(spacing) / 1000,
        centre=(float(z), float(y), float(x)),
        box=(
            (float(low[0]), float(high[0])),
            (float(low[1]), float(high[1])),
            (float(low[2]), float(high[2])),
        ),
    )
