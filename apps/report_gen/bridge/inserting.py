"""A nodule put into a scan, with its truth.

The nodule is drawn on a grid several times as fine as the scan's, by the same forms and substances
as in phantoms; the mean over a voxel is its partial volume, whatever the slices' thickness. It is
blurred within the slice as the scan blurs, and added onto what is there: ``hu + share · (value −
smooth(hu))``, so that the noise of the place stays.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional as F

from apps.report_gen.bridge.placing import Box, Lungs, Point
from apps.report_gen.bridge.scanning import blur_mm
from apps.report_gen.findings import MASS_FROM_MM, Side
from apps.report_gen.inference.measuring import measures
from apps.report_gen.inference.threads import one_thread
from apps.report_gen.phantoms.canvas import canvas
from apps.report_gen.phantoms.grid import Chance, Grid
from apps.report_gen.phantoms.nodules import SMALLEST, form, substance
from apps.report_gen.phantoms.shapes import Shape, shapes
from apps.report_gen.volume import Volume

FINE_MM: Final = 0.7
"""Edge of the voxels on which a nodule is drawn, at most."""
SMOOTH_MM: Final = 3.0
"""What varies over less counts as noise of the place, and stays."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Inserted:
    """One nodule in a volume.

    Attributes:
        centre: of its mask, mm from the centre of the volume's first voxel, z, y, x.
        size_mm: longest diameter in an axial plane of what was drawn, however thick the slices are.
        voxels: [N, 3] of the mask: more than half nodule. The lobe is not known.
    """

    centre: Point
    size_mm: float
    volume_ml: float
    side: Side
    box: Box
    voxels: NDArray[np.int64]
    shape: Shape


class Inserter:
    """Puts nodules into copies of one volume.

    Args:
        known: boxes of lesions that are there, which nothing is put near.
        held_out: shapes of patients that no training uses: for measuring.
    """

    def __init__(self, volume: Volume, *, known: list[Box], held_out: bool) -> None:
        self.volume = volume
        self.lungs = Lungs(volume, known)
        self.blur = blur_mm(volume)
        self.table = [
            shape
            for shape in shapes(held_out=held_out)
            if SMALLEST <= shape.longest < MASS_FROM_MM and shape.diameter >= SMALLEST
        ]

    def insert(self, count: int, draw: np.random.Generator) -> tuple[Volume, tuple[Inserted, ...]]:
        """A copy with up to `count` nodules apart from each other; fewer where there is no room."""
        hu = self.volume.hu.copy()
        made: list[Inserted] = []
        taken: list[tuple[Point, float]] = []
        for _ in range(4 * count):
            if len(made) == count:
                break
            shape = self.table[int(draw.integers(len(self.table)))]
            radius = shape.diameter / 2
            centre = self.lungs.place(radius, draw, taken)
            if centre is None:
                continue
            one = self._draw(hu, shape, centre, draw)
            if one is not None:
                made.append(one)
                taken.append((centre, radius))
        return replace(self.volume, hu=hu), tuple(made)

    def _draw(
        self, hu: NDArray[np.int16], shape: Shape, centre: Point, draw: np.random.Generator
    ) -> Inserted | None:
        spacing, radius = self.volume.spacing, shape.diameter / 2
        part, low = self._part(centre, 1.6 * radius + 3 * self.blur + 1)
        if part is None:
            return None
        with one_thread(torch.device("cpu")):
            size, (body, share, value) = self._shares(shape, centre, low, part, draw)
        place = hu[part].astype(np.float32)
        spread = [SMOOTH_MM / step for step in spacing]
        smooth = ndimage.gaussian_filter(place, spread, mode="nearest")
        hu[part] = np.clip(np.rint(place + value - share * smooth), -1024, 3071).astype(np.int16)
        voxels = np.argwhere(body > 0.5) + np.asarray(low)
        if not len(voxels):
            # Thinner than a slice: it is where most of it is.
            voxels = np.argwhere(body == body.max()) + np.asarray(low)
        found = measures(voxels, spacing)
        side = Side.RIGHT if self.lungs.right(found.centre) else Side.LEFT
        return Inserted(
            centre=found.centre, size_mm=round(size, 1), box=found.box, side=side,
            volume_ml=round(found.millilitres, 3), voxels=voxels, shape=shape,
        )  # fmt: skip

    def _part(
        self, centre: Point, reach: float
    ) -> tuple[tuple[slice, slice, slice] | None, tuple[int, int, int]]:
        first = [
            max(0, math.floor((at - reach) / step))
            for at, step in zip(centre, self.volume.spacing, strict=True)
        ]
        last = [
            min(count, math.ceil((at + reach) / step) + 1)
            for at, step, count in zip(centre, self.volume.spacing, self.volume.shape, strict=True)
        ]
        low = (first[0], first[1], first[2])
        if any(a >= b for a, b in zip(first, last, strict=True)):
            return None, low
        z, y, x = (slice(a, b) for a, b in zip(first, last, strict=True))
        return (z, y, x), low

    def _shares(
        self, shape: Shape, centre: Point, low: tuple[int, int, int],
        part: tuple[slice, slice, slice], draw: np.random.Generator,
    ) -> tuple[float, list[NDArray[np.float32]]]:  # fmt: skip
        """The longest diameter in an axial plane, mm; and of each voxel: the share that lies in the
        nodule, the share that it replaces, and that times its HU."""
        spacing = self.volume.spacing
        times = [max(1, min(8, math.ceil(step / FINE_MM))) for step in spacing]
        size = [each.stop - each.start for each in part]
        steps = [step / fine for step, fine in zip(spacing, times, strict=True)]
        grid = Grid(
            shape=(size[0] * times[0], size[1] * times[1], size[2] * times[2]),
            spacing=(steps[0], steps[1], steps[2]),
        )
        board = canvas(grid, Chance(int(draw.integers(2**31))))
        # The grid's 0 is the middle of the part.
        middle = [
            at - (first + (n - 1) / 2) * step
            for at, first, n, step in zip(centre, low, size, spacing, strict=True)
        ]
        place = (middle[0], middle[1], middle[2])
        box = (slice(None), slice(None), slice(None))
        whole = tuple(slice(0, n) for n in grid.shape)
        distance = form(board, grid.space(box), place, shape, shape.diameter / 2)
        amount, value = substance(board, shape, (whole[0], whole[1], whole[2]), 0.0)
        soft = 1.0 + 0.35 * (5 - min(5.0, shape.margin))
        faint = 0.7 if shape.subtlety < 2.6 else 1.0
        share = board.cover(distance, max(1.0, soft * min(1.6, max(spacing)) / grid.voxel))
        body, share = share, share * amount * faint
        # A mean over the fine voxels of one voxel: partial volume.
        coarse = F.avg_pool3d(torch.stack([body, share, share * value])[None], times)[0]
        spread = (0.0, self.blur / spacing[1], self.blur / spacing[2])
        inner = np.argwhere((distance < 0).numpy())
        longest = measures(inner, grid.spacing).longest if len(inner) else shape.longest
        return longest, [
            np.asarray(ndimage.gaussian_filter(one.numpy(), spread), np.float32) for one in coarse
        ]
