"""What a phantom is drawn on: Hounsfield units, and the operations that put matter there."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from apps.report_gen.phantoms.grid import Box, Chance, Grid, Space, cover

FAR = 60.0
"""mm; what is further from a tube is this far."""
AIR, FAT, WATER, MUSCLE, BLOOD = -1000.0, -100.0, 5.0, 52.0, 42.0


@dataclass
class Canvas:
    """A volume in progress.

    Attributes:
        hu: float32 [D, H, W].
        at: coordinates of all its voxels.
    """

    grid: Grid
    chance: Chance
    hu: Tensor
    at: Space

    def paint(self, share: Tensor, value: float | Tensor, box: Box | None = None) -> None:
        """Replace `share` of what is there, in `box` or everywhere, by `value`."""
        view = self.hu if box is None else self.hu[box]
        if isinstance(value, Tensor):
            view.lerp_(value.expand_as(view), share.expand_as(view))
        else:
            view.add_(share * (value - view))

    def cover(self, distance: Tensor, soft: float = 1.0) -> Tensor:
        """Shares of voxels inside, with an edge of `soft` voxels."""
        return cover(distance, self.grid.voxel * soft)

    def texture(self, wavelength: float, box: Box | None = None) -> Tensor:
        """A smooth random field over `box` or everywhere; see `Chance.field`."""
        shape = self.grid.shape
        if box is not None:
            a, b, c = (part.stop - part.start for part in box)
            shape = (a, b, c)
        return self.chance.field(shape, self.grid.spacing, wavelength)

    def tubes(self, points: Tensor, radii: Tensor) -> Tensor:
        """Shares of voxels inside balls at `points` [N, 3] mm of `radii` [N] mm.

        Balls close together make tubes. What is thinner than a voxel fills the share that its
        cross-section has of a voxel's face. Points in groups of like radius, so that small ones
        touch few voxels.
        """
        grid = self.grid
        flat = torch.zeros(math.prod(grid.shape), device=grid.device)
        if not len(points):
            return flat.view(grid.shape)
        edges = [0.0, 0.75, 1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 20.0]
        voxels = radii / grid.voxel
        for low, high in itertools.pairwise(edges):
            chosen = ((voxels > low) & (voxels <= high)).nonzero()[:, 0]
            if len(chosen):
                place, size = points[chosen].to(grid.device), radii[chosen].to(grid.device)
                self._balls(flat, place, size, high)
        return flat.view(grid.shape)

    def _balls(self, flat: Tensor, points: Tensor, radii: Tensor, reach: float) -> None:
        grid = self.grid
        steps = points.new_tensor(grid.spacing)
        spans = [int(reach * grid.voxel / step + 1.0) for step in grid.spacing]
        offsets = torch.cartesian_prod(
            *(torch.arange(-span, span + 1, device=grid.device) for span in spans)
        )
        limits = torch.tensor(grid.shape, device=grid.device)
        part = max(1, 4_000_000 // len(offsets))
        for first in range(0, len(points), part):
            exact = grid.index(points[first : first + part])
            near = exact.round().long()[:, None] + offsets
            away = ((near - exact[:, None]) * steps).square().sum(-1).sqrt()
            radius = radii[first : first + part, None]
            share = (0.5 + (radius - away) / grid.voxel).clamp(0, 1)
            thin = (1.9 * radius / grid.voxel).clamp(max=1) ** 1.25
            share = torch.where(
                radius < 0.75 * grid.voxel,
                thin * (1 - away / (1.25 * grid.voxel)).clamp(min=0), share,
            )  # fmt: skip
            inside = ((near >= 0) & (near < limits)).all(-1)
            index = (near[..., 0] * grid.shape[1] + near[..., 1]) * grid.shape[2] + near[..., 2]
            if flat.is_cuda:
                # Picking the voxels inside would wait for the device; adding nothing does not.
                index, share = torch.where(inside, index, 0), share * inside
            else:
                kept = inside & (share > 0)
                index, share = index[kept], share[kept]
            flat.scatter_reduce_(0, index.flatten(), share.flatten(), "amax")

    def stroke(self, points: Tensor, radius: float, value: float, most: float = 1.0) -> None:
        """Paint a tube around a curve [N, 3], a few centimetres at a time.

        Args:
            radius: mm.
            most: the share of its inside that is replaced.
        """
        for box, distance in self.segments(points, radius):
            self.paint(self.cover(distance) * most, value, box)

    def tube(self, points: Tensor, radius: float) -> Tensor:
        """Distance to a tube around a curve [N, 3], exact near it, else `FAR` [D, H, W]."""
        whole = torch.full(self.grid.shape, FAR, device=self.grid.device)
        for box, distance in self.segments(points, radius, 9.0):
            torch.minimum(whole[box], distance, out=whole[box])
        return whole

    def segments(
        self, points: Tensor, radius: float, margin: float = 0.0
    ) -> Iterator[tuple[Box, Tensor]]:
        """Boxes around pieces of a tube with the distance to the piece, `margin` mm beyond it."""
        grid = self.grid
        dense = densify(points, max(2.0, 0.5 * radius))
        # All points of a piece at once: on a GPU each operation costs more than its arithmetic.
        places = dense.to(grid.device).view(*dense.shape, 1, 1, 1)
        edge = radius + margin + 1.5 * max(grid.spacing)
        for first in range(0, max(1, len(dense) - 1), 6):
            part = dense[first : first + 7]
            low, high = part.min(0).values, part.max(0).values
            middle, half = ((low + high) / 2).tolist(), ((high - low) / 2 + edge).tolist()
            box = grid.box((middle[0], middle[1], middle[2]), (half[0], half[1], half[2]))
            if box is None:
                continue
            at, near = grid.space(box), places[first : first + 7]
            square = (at.z - near[:, 0]) ** 2 + (at.y - near[:, 1]) ** 2 + (at.x - near[:, 2]) ** 2
            yield box, square.amin(0).sqrt_().sub_(radius)


def densify(points: Tensor, gap: float) -> Tensor:
    """Points along a polyline [N, 3], none further than `gap` mm from the next."""
    lengths = (points[1:] - points[:-1]).norm(dim=1)
    counts = (lengths / gap).ceil().clamp(min=1).long()
    starts = torch.repeat_interleave(torch.arange(len(lengths)), counts)
    first = torch.cumsum(counts, 0) - counts
    share = (torch.arange(len(starts)) - first[starts]) / counts[starts]
    dense: Tensor = points[starts] + share[:, None] * (points[starts + 1] - points[starts])
    return dense


def canvas(grid: Grid, chance: Chance) -> Canvas:
    """An empty room."""
    hu = torch.full(grid.shape, AIR, device=grid.device)
    return Canvas(grid=grid, chance=chance, hu=hu, at=grid.space())
