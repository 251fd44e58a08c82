"""What a scanner does to a body: pose, slices, motion, kernel, noise."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.phantoms.canvas import Canvas
from apps.report_gen.phantoms.grid import Grid, step
from apps.report_gen.phantoms.wanted import Scan

LOWEST, HIGHEST = -1024, 3071


def posed(grid: Grid, hu: Tensor, maps: Tensor, scan: Scan) -> tuple[Tensor, Tensor]:
    """The patient turned and scaled: `hu` [D, H, W] between voxels, `maps` [C, D, H, W] nearest."""
    if scan.tilt == (0.0, 0.0, 0.0) and scan.size == 1.0:
        return hu, maps
    about_z, about_y, about_x = (math.radians(each) for each in scan.tilt)
    half = torch.tensor([n * s / 2 for n, s in zip(grid.shape, grid.spacing, strict=True)])
    cz, sz, cy, sy = math.cos(about_z), math.sin(about_z), math.cos(about_y), math.sin(about_y)
    cx, sx = math.cos(about_x), math.sin(about_x)
    # Rotations of (x, y, z) in mm, about the middle.
    turn = torch.tensor([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1.0]])
    turn = turn @ torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    turn = turn @ torch.tensor([[1, 0, 0], [0, cx, -sx], [0, sx, cx]]) / scan.size
    edges = half.flip(0)
    theta = torch.cat([turn * edges[None] / edges[:, None], torch.zeros(3, 1)], 1)[None]
    where = F.affine_grid(theta.to(grid.device), [1, 1, *grid.shape], align_corners=False)
    pad = hu - LOWEST
    moved = F.grid_sample(pad[None, None], where, align_corners=False)[0, 0] + LOWEST
    nearest = F.grid_sample(maps[None].float(), where, mode="nearest", align_corners=False)[0]
    return moved, nearest.round()


def _along(hu: Tensor, weights: list[float], axis: int) -> Tensor:
    """`hu` [D, H, W] filtered by an odd number of `weights` along one axis, edges repeated."""
    reach = len(weights) // 2
    if not reach:
        return hu
    shape = [1, 1, 1, 1, 1]
    shape[axis + 2] = len(weights)
    pad = [0] * 6
    pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = reach
    padded = F.pad(hu[None, None], pad, mode="replicate")
    return F.conv3d(padded, torch.tensor(weights, device=hu.device).view(shape))[0, 0]


def _box(width: float) -> list[float]:
    """Weights of a box `width` voxels wide."""
    if width <= 1.0:
        return [1.0]
    reach = math.ceil((width - 1) / 2)
    edge = (width - (2 * reach - 1)) / 2
    weights = [edge, *([1.0] * (2 * reach - 1)), edge]
    return [each / width for each in weights]


def moved(canvas: Canvas, hu: Tensor, near_heart: Tensor, floor: Tensor, mm: float) -> Tensor:
    """Double edges where the heart beats and the diaphragm moves."""
    if mm < 0.5:
        return hu
    grid = canvas.grid
    beat = max(1, round(mm / grid.spacing[1]))
    breath = max(1, round(0.7 * mm / grid.spacing[0]))
    weight = 0.5 * torch.exp(-((near_heart / 16) ** 2))
    hu = hu.lerp(0.5 * (hu.roll(beat, 1) + hu.roll(-beat, 2)), weight)
    weight = 0.45 * torch.exp(-((floor / 14) ** 2))
    return hu.lerp(hu.roll(breath, 0), weight)


def scanned(canvas: Canvas, hu: Tensor, scan: Scan, top: float) -> Tensor:
    """int16 HU [D, H, W] after slices of some thickness, a kernel and noise.

    Noise is correlated by the kernel, grows with what the rays pass (the shoulders above `top` mm)
    and is streaked across there.
    """
    grid, at = canvas.grid, canvas.at
    hu = _along(hu, _box(scan.thickness / grid.spacing[0]), 0)
    share = 0.13 * scan.sharp - 0.02
    kernel = [-share, 1 + 2 * share, -share]
    hu = _along(_along(hu, kernel, 1), kernel, 2)
    white = torch.randn(
        grid.shape, generator=canvas.chance.generator, device=canvas.chance.generator.device
    )
    blur = 0.22 - 0.2 * scan.sharp
    grain = [blur, 1.0, blur]
    noise = _along(_along(white, grain, 1), grain, 2) / (1 + 2 * blur * blur)
    noise = _along(noise, _box(scan.thickness / grid.spacing[0]), 0)
    size = 22.0 / math.sqrt(grid.voxel**3 / 5.12) / 22.0
    rays = 1 + 0.7 * step(at.z, top - 40, top + 5) - 0.35 * step(at.x.abs() + 0 * at.y, 90, 150)
    spread = scan.noise * size * (0.7 + 0.45 * (scan.sharp + 1)) * rays
    streaks = _along(white.roll(7, 0), [1.0] * 25, 2) / 5
    noise = noise + 0.8 * streaks * step(at.z, top - 35, top + 5)
    return (hu + noise * spread).round().clamp(LOWEST, HIGHEST).to(torch.int16)
