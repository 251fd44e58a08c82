"""Where in a lung a nodule may be put: parenchyma without vessels, airways or known lesions."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from apps.report_gen.reading.scope.lungs import lung_mask, thinned
from apps.report_gen.volume import Volume

Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""First and last mm along z, y, x from the centre of the volume's first voxel."""
Point = tuple[float, float, float]

AERATED: Final = (-960.0, -650.0)
"""Mean HU of parenchyma around a nodule: below is emphysema or an airway, above it is dense."""
VESSEL: Final = -450.0
MOST_VESSEL: Final = 0.03
"""Share of a nodule's surroundings that may be as dense as a vessel."""
WALL_MM: Final = 2.0
APART_MM: Final = 20.0
"""Between the edges of what is put in."""
TRIES: Final = 400


class Lungs:
    """Candidates for centres in one volume; mm from the centre of its first voxel, z, y, x."""

    def __init__(self, volume: Volume, known: list[Box]) -> None:
        self.volume, self.known = volume, known
        coarse, self.spacing = thinned(volume)
        mask = lung_mask(coarse, self.spacing)
        # Small vessels are holes in aerated tissue: a nodule keeps its distance from walls alone.
        closed = ndimage.binary_closing(mask, iterations=2)
        self.depth = np.asarray(
            ndimage.distance_transform_edt(closed, sampling=self.spacing), np.float32
        )
        body = coarse > -300
        columns = np.arange(coarse.shape[2])
        weight = body.sum(axis=(0, 1))
        middle = float((weight * columns).sum() / max(1, weight.sum()))
        self.middle = middle * self.spacing[2]

    def place(
        self, radius: float, draw: np.random.Generator, others: list[tuple[Point, float]]
    ) -> Point | None:
        """A centre for a nodule of `radius` mm; None where there is no room."""
        free = np.argwhere(self.depth > radius + WALL_MM)
        for _ in range(TRIES if len(free) else 0):
            spot = free[draw.integers(len(free))] + draw.uniform(-0.5, 0.5, 3)
            z, y, x = (float(each) for each in spot * np.asarray(self.spacing))
            centre = (z, y, x)
            if self._clear(centre, radius, others) and self._parenchyma(centre, radius):
                return centre
        return None

    def right(self, centre: Point) -> bool:
        """Whether it lies on the patient's right."""
        return centre[2] > self.middle

    def _clear(self, centre: Point, radius: float, others: list[tuple[Point, float]]) -> bool:
        for other, other_radius in others:
            gap = float(np.linalg.norm(np.subtract(centre, other))) - radius - other_radius
            if gap < APART_MM:
                return False
        return all(_gap(centre, box) > radius + APART_MM for box in self.known)

    def _parenchyma(self, centre: Point, radius: float) -> bool:
        around = ball(self.volume, centre, 1.15 * radius + 1.0)
        if len(around) < 8:
            return False
        return bool(
            AERATED[0] < float(around.mean()) < AERATED[1]
            and float((around > VESSEL).mean()) <= MOST_VESSEL
        )


def ball(volume: Volume, centre: Point, radius: float) -> NDArray[np.int16]:
    """The HU of voxels within `radius` mm of a point; none where the ball leaves the volume."""
    lines, parts = [], []
    for middle, step, count in zip(centre, volume.spacing, volume.shape, strict=True):
        first = int(np.ceil((middle - radius) / step))
        last = int(np.floor((middle + radius) / step)) + 1
        if first < 0 or last > count:
            return np.empty(0, np.int16)
        parts.append(slice(first, last))
        lines.append((np.arange(first, last) * step - middle) ** 2)
    near = lines[0][:, None, None] + lines[1][None, :, None] + lines[2] <= radius**2
    found: NDArray[np.int16] = volume.hu[tuple(parts)][near]
    return found


def _gap(point: Point, box: Box) -> float:
    """mm from a point to a box; 0 inside."""
    away = [max(low - at, 0.0, at - high) for at, (low, high) in zip(point, box, strict=True)]
    return float(np.linalg.norm(away))
