"""Where a phantom is drawn: a grid of voxels in millimetres around the middle of the chest.

Axes as everywhere: z to the head, y to the front, x to the patient's right; 0 is the middle of the
volume. Shapes are signed distances in mm, below 0 inside; `cover` makes partial volume of them.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Box = tuple[slice, slice, slice]
Point = tuple[float, float, float]


class Space(NamedTuple):
    """Coordinates in mm that broadcast: of a grid, of a box in it, or of points."""

    z: Tensor
    y: Tensor
    x: Tensor


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Slices, rows and columns; mm between them; the device that draws."""

    shape: tuple[int, int, int] = (160, 224, 224)
    spacing: tuple[float, float, float] = (2.0, 1.6, 1.6)
    device: str = "cpu"

    @property
    def voxel(self) -> float:
        """Edge in mm of the cube with a voxel's volume."""
        return math.pow(math.prod(self.spacing), 1 / 3)

    @property
    def millilitres(self) -> float:
        """Volume of a voxel."""
        return math.prod(self.spacing) / 1000

    def space(self, box: Box | None = None) -> Space:
        """Coordinates of the middles of the voxels of `box`, or of all."""
        axes = []
        for axis, line in enumerate(_lines(self.shape, self.spacing, self.device)):
            if box is not None:
                line = line[box[axis]]
            axes.append(line.view([-1 if each == axis else 1 for each in range(3)]))
        return Space(*axes)

    def box(self, centre: Point, half: float | Point) -> Box | None:
        """The voxels within `half` mm of `centre`; none if no voxel is."""
        halves = half if isinstance(half, tuple) else (half, half, half)
        parts = []
        for count, step, middle, reach in zip(
            self.shape, self.spacing, centre, halves, strict=True
        ):
            first = max(0, math.ceil((middle - reach) / step + (count - 1) / 2))
            last = min(count, math.floor((middle + reach) / step + (count - 1) / 2) + 1)
            if first >= last:
                return None
            parts.append(slice(first, last))
        return parts[0], parts[1], parts[2]

    def index(self, points: Tensor) -> Tensor:
        """Voxel coordinates, not rounded, of `points` [N, 3] in mm."""
        steps = points.new_tensor(self.spacing)
        middles = (points.new_tensor(self.shape) - 1) / 2
        return points / steps + middles


@lru_cache(maxsize=8)
def _lines(shape: tuple[int, int, int], spacing: Point, device: str) -> tuple[Tensor, ...]:
    """Coordinates in mm along each axis; nobody writes to them."""
    return tuple(
        (torch.arange(count, device=device) - (count - 1) / 2) * step
        for count, step in zip(shape, spacing, strict=True)
    )


class Chance:
    """The random numbers of one phantom: the same seed gives the same anatomy on every device.

    `draw` gives parameters; `field` gives textures, whose bits depend on the device.
    """

    def __init__(self, seed: int, device: str = "cpu") -> None:
        self.draw = np.random.default_rng(seed)
        self.generator = torch.Generator(device=device).manual_seed(seed)

    def between(self, low: float, high: float) -> float:
        """A number from a range, evenly."""
        return float(self.draw.uniform(low, high))

    def about(self, middle: float, spread: float) -> float:
        """A number around `middle`, never further than two and a half spreads."""
        return float(middle + spread * np.clip(self.draw.normal(), -2.5, 2.5))

    def happens(self, probability: float) -> bool:
        """Whether something of that probability happens."""
        return bool(self.draw.random() < probability)

    def field(self, shape: tuple[int, ...], spacing: Point, wavelength: float) -> Tensor:
        """A smooth field [shape] of mean 0 and spread about 1, varying over `wavelength` mm."""
        coarse = [
            max(2, math.ceil(count * step / wavelength) + 1)
            for count, step in zip(shape, spacing, strict=True)
        ]
        seeds = torch.randn([1, 1, *coarse], generator=self.generator, device=self.generator.device)
        smooth = F.interpolate(seeds, size=shape, mode="trilinear", align_corners=True)
        return smooth[0, 0] * 1.7


def cover(distance: Tensor, width: float) -> Tensor:
    """The share of a voxel that is inside, from the signed distance of its middle."""
    return (0.5 - distance / width).clamp_(0, 1)


def smooth_min(a: Tensor, b: Tensor, blend: float) -> Tensor:
    """The union of two signed distances, rounded where they meet (I. Quilez, 2013, polynomial)."""
    share = ((blend - (a - b).abs()) / blend).clamp(min=0)
    return torch.minimum(a, b) - share * share * (blend / 4)


def step(value: Tensor, low: float, high: float) -> Tensor:
    """From 0 at `low` to 1 at `high`, smoothly."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def ellipsoid(at: Space, centre: Point, radii: Point) -> Tensor:
    """About the signed distance to an ellipsoid along the axes: exact on its surface."""
    parts = [
        ((axis - middle) / radius) ** 2
        for axis, middle, radius in zip(at, centre, radii, strict=True)
    ]
    level = (parts[0] + parts[1] + parts[2]).clamp(min=1e-6).sqrt()
    slopes = [part / radius**2 for part, radius in zip(parts, radii, strict=True)]
    steep = (slopes[0] + slopes[1] + slopes[2]).clamp(min=1e-9).sqrt() / level
    return (level - 1) / steep
