"""Nodules put into volumes as these are drawn from the pool.

A phantom is drawn some thirty times and its nodules are soon known by heart; of these no two are
alike. Shapes and ratings are those of `apps.report_gen.phantoms.shapes`, of patients that are not
held out; what a scanner does to a nodule is done to its share of each voxel.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.findings import FOCAL, KEYS, MASS_FROM_MM
from apps.report_gen.inference.network import corner_of
from apps.report_gen.phantoms.nodules import SMALLEST
from apps.report_gen.phantoms.shapes import Shape, shapes
from apps.report_gen.training.pool import Batch
from apps.report_gen.training.sending import sent
from apps.report_gen.training.targets import Centre, halved_bits

EDGE = 24
"""Voxels of the cube that holds a nodule."""
MOST = 4
"""Nodules put into one volume."""
TRIED = 96
"""Places looked at in each volume."""
AIRY = -650
"""HU of lung that a nodule is put into."""
FIRST_LABEL = 100
GAP = 12.0
"""mm that lie between lesions at least."""
FULL = 0.5
"""Share of a voxel from which it belongs to the nodule."""
KEPT_NOISE = 60.0
"""HU around its surroundings that a nodule keeps: the noise of the scan."""
NODULE = KEYS.index(FOCAL[0])
ALREADY = sum(
    1 << KEYS.index(key)
    for key in (*FOCAL, "consolidation", "atelectasis", "pleural_effusion", "pneumothorax")
)
Voxel = tuple[int, int, int]
Point = tuple[float, float, float]


class Place(NamedTuple):
    """Where one goes: a volume of the batch, its centre and the cube's corner in voxels."""

    volume: int
    at: Point
    corner: Voxel
    shape: Shape


def with_nodules(batch: Batch, draw: np.random.Generator, spacing: Point, share: float) -> Batch:
    """The batch with new nodules in about `share` of its volumes; its tensors are written to."""
    grid = batch.hu.shape[1:]
    if share <= 0 or min(grid) < EDGE:
        return batch
    places = _places(batch, draw, spacing, share)
    if not places:
        return batch
    device = batch.hu.device
    cover = _cover(places, draw, spacing, device)
    lung = torch.stack([_half(batch.lobes, each) for each in places]) > 0
    cover = cover * F.interpolate(lung.float()[:, None], scale_factor=2, mode="trilinear")[:, 0]
    inside = cover > FULL
    around = torch.stack([_cube(batch.hu, each) for each in places]).float()
    change = _change(around, _scanned(cover, draw), places, draw).round().to(batch.hu.dtype)
    # One look at all of them: each would wait for the device.
    steps = torch.arange(EDGE, device=device, dtype=torch.float32)
    full = inside.float()
    sums = [full.sum((1, 2, 3))]
    for axis in range(3):
        others = tuple(other + 1 for other in range(3) if other != axis)
        sums.append((full.sum(others) * steps).sum(1))
    told = torch.stack(sums, 1).tolist()
    centres = [list(each) for each in batch.centres]
    for number, (place, facts) in enumerate(zip(places, told, strict=True)):
        if facts[0] < 1:
            continue
        label = FIRST_LABEL + number
        # Cubes may overlap where nodules do not.
        _cube(batch.hu, place).add_(change[number])
        bits = inside[number].to(batch.regions.dtype)
        _half(batch.regions, place).bitwise_or_(halved_bits(bits) << NODULE)
        own = _cube(batch.labels, place, batch.steps[place.volume].tolist())
        own.masked_fill_(inside[number], label)
        at = tuple(low + part / facts[0] for low, part in zip(place.corner, facts[1:], strict=True))
        centres[place.volume].append(
            Centre(kind=0, at=(at[0], at[1], at[2]), size_mm=place.shape.longest, label=label)
        )
        batch.states[place.volume, NODULE] = 1
        middle = (grid[2] - 1) / 2 + int(batch.steps[place.volume, 2])
        batch.sides[place.volume, NODULE, 0 if at[2] > middle else 1] = 1
    return replace(batch, centres=[tuple(each) for each in centres])


def _places(batch: Batch, draw: np.random.Generator, spacing: Point, share: float) -> list[Place]:
    """Free places in airy lung, apart from every lesion."""
    table = [s for s in shapes() if SMALLEST <= s.longest < MASS_FROM_MM]
    halves = batch.lobes.shape[1:]
    tried = draw.integers(0, halves, (len(batch.hu), TRIED, 3))
    which = torch.arange(len(batch.hu))[:, None].to(batch.hu.device)
    z, y, x = torch.from_numpy(tried).to(batch.hu.device, non_blocking=True).unbind(2)
    airy = batch.hu[which, 2 * z, 2 * y, 2 * x] < AIRY
    free = (batch.regions[which, z, y, x] & ALREADY) == 0
    fits = (airy & free & (batch.lobes[which, z, y, x] > 0)).cpu().numpy()
    made: list[Place] = []
    for volume, moves in enumerate(batch.steps.tolist()):
        wanted = 1 + int(draw.integers(MOST)) if draw.random() < share else 0
        lesions = [(each.at, each.size_mm) for each in batch.centres[volume]]
        for place in tried[volume][fits[volume]]:
            if wanted <= 0:
                break
            exact = 2 * place + 0.5 + draw.uniform(-1, 1, 3)
            at = (float(exact[0]), float(exact[1]), float(exact[2]))
            corner = corner_of(at, EDGE)
            shape = table[int(draw.integers(len(table)))]
            if not _room(corner, moves, batch.hu.shape[1:]) or any(
                _apart(at, other, spacing) < GAP + (shape.longest + size) / 2
                for other, size in lesions
            ):
                continue
            lesions.append((at, shape.longest))
            made.append(Place(volume, at, corner, shape))
            wanted -= 1
    return made


def _apart(one: Point, other: Point, spacing: Point) -> float:
    """mm between two voxels."""
    return math.dist(*(np.multiply(each, spacing).tolist() for each in (one, other)))


def _room(corner: Voxel, moves: list[int], grid: torch.Size) -> bool:
    """Whether a cube lies in the volume as it is drawn and as it was before it was moved."""
    return all(
        max(0, step) <= low and low + EDGE <= size + min(0, step)
        for low, step, size in zip(corner, moves, grid, strict=True)
    )


def _cube(source: Tensor, place: Place, moved: list[int] | None = None) -> Tensor:
    """A view of the cube in `source` [B, D, H, W], which lies `moved` voxels behind the batch."""
    z, y, x = (low - step for low, step in zip(place.corner, moved or [0, 0, 0], strict=True))
    return source[place.volume, z : z + EDGE, y : y + EDGE, x : x + EDGE]


def _half(source: Tensor, place: Place) -> Tensor:
    """A view of the cube in `source` at half of the grid."""
    z, y, x = (low // 2 for low in place.corner)
    half = EDGE // 2
    return source[place.volume, z : z + half, y : y + half, x : x + half]


def _cover(
    places: list[Place], draw: np.random.Generator, spacing: Point,
    device: torch.device,
) -> Tensor:  # fmt: skip
    """The share of each voxel [N, EDGE, EDGE, EDGE] that a nodule fills: the outline of
    `apps.report_gen.phantoms.nodules.form`, all nodules at once."""
    count = len(places)

    def each(values: object) -> Tensor:
        return sent(values, device).view(-1, 1, 1, 1)

    axes = []
    for axis in range(3):
        line = torch.arange(EDGE, device=device, dtype=torch.float32)
        middle = each([place.at[axis] - place.corner[axis] for place in places])
        view = [1, 1, 1, 1]
        view[axis + 1] = EDGE
        axes.append((line.view(view) - middle) * spacing[axis])
    axes[0] = axes[0] / each([min(max(place.shape.tall, 0.6), 1.5) for place in places])
    away = (axes[0] ** 2 + axes[1] ** 2 + axes[2] ** 2 + 1e-6).sqrt()

    def along() -> Tensor:
        line = draw.normal(size=(count, 3))
        line /= np.linalg.norm(line, axis=1, keepdims=True)
        return (
            sum((axis * each(line[:, n]) for n, axis in enumerate(axes)), torch.zeros_like(away))
            / away
        )

    swell = each([place.shape.long for place in places]) * (2 * along() ** 2 - 0.66)
    lobed = each([place.shape.lobed * 0.8 for place in places])
    for _ in range(3):
        turns, begin = each(draw.uniform(3, 5, count)), each(draw.uniform(0, 6, count))
        swell = swell + lobed * torch.cos(turns * along() + begin)
    spiky = np.array([place.shape.spiky for place in places])
    for spike in range(8):
        high = np.where(spike < 4 + 160 * np.maximum(0, spiky - 0.04), spiky, 0)
        peak = torch.exp((along() - 1) * each(draw.uniform(30, 90, count)))
        swell = swell + peak * each(high * draw.uniform(1, 6, count))
    radius = each([place.shape.diameter / 2 for place in places])
    distance = away - radius * (1 + swell).clamp(min=0.4)
    voxel = math.pow(math.prod(spacing), 1 / 3)
    soft = each([1 + 0.35 * (5 - min(5.0, place.shape.margin)) for place in places])
    return (0.5 - distance / (soft * voxel)).clamp(0, 1)


def _scanned(cover: Tensor, draw: np.random.Generator) -> Tensor:
    """Slices of some thickness and a kernel blur or sharpen the share."""
    count = len(cover)
    edges = (
        draw.choice([0.0, 0.17, 0.3], count, p=[0.6, 0.22, 0.18]),
        draw.uniform(-0.1, 0.15, count),
    )
    made = F.pad(cover[:, None], [1] * 6)[:, 0]
    for axis, edge in ((1, edges[0]), (2, edges[1]), (3, edges[1])):
        share = sent(edge, cover.device).view(-1, 1, 1, 1)
        size = made.shape[axis] - 2
        low, middle, high = (made.narrow(axis, first, size) for first in range(3))
        made = middle * (1 - 2 * share) + share * (low + high)
    return made


def _change(
    around: Tensor, cover: Tensor, places: list[Place], draw: np.random.Generator
) -> Tensor:
    """What nodules add to the HU of cubes [N, EDGE, EDGE, EDGE]; the noise is kept."""
    grain = F.avg_pool3d(torch.randn_like(around)[:, None], 3, 1, 1)[:, 0] * 4
    amounts, values, grains = [], [], []
    for place in places:
        shape = place.shape
        if shape.calcified < 5.5 and draw.random() < 0.8:
            amount, value, rough = 1.0, 330.0, 120.0
        elif shape.texture <= 2.2:
            amount, value, rough = 0.75, -560 + draw.uniform(-80, 130), 60.0
        elif shape.texture <= 3.8:
            amount, value, rough = 0.9, -240 + draw.uniform(-120, 120), 150.0
        else:
            amount, value, rough = 1.0, draw.uniform(12, 78), 14.0
        amounts.append(amount * (0.7 if shape.subtlety < 2.6 else 1.0))
        values.append(value)
        grains.append(rough)
    dense, fill, rugged = (
        sent(each, around.device).view(-1, 1, 1, 1) for each in (amounts, values, grains)
    )
    smooth = F.avg_pool3d(around[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
    noise = (around - smooth).clamp(-KEPT_NOISE, KEPT_NOISE)
    # Vessels that run through are not thinned by what is less dense.
    fill = torch.maximum(fill + rugged * grain, smooth.clamp(max=200))
    weight = cover * dense
    return weight.clamp(0, 1.2) * (fill + noise - around)
