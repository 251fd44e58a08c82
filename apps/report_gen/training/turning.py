"""Volumes of a batch turned and scaled a little, with everything that is told of them."""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.training.pool import Batch
from apps.report_gen.training.sending import sent
from apps.report_gen.training.targets import Centre, shifted

AIR = -1000.0
ABOUT_Z, ABOUT_Y, ABOUT_X, SIZE = 6.0, 4.0, 4.0, 0.07
"""Degrees around each axis, and the share that a patient is made larger or smaller by, at most."""
Point = tuple[float, float, float]


def with_poses(batch: Batch, draw: np.random.Generator, spacing: Point, share: float) -> Batch:
    """The batch with about `share` of its volumes in another pose; its tensors are written to."""
    centres, steps = list(batch.centres), batch.steps.clone()
    for number in range(len(batch.hu)):
        if draw.random() >= share:
            continue
        pose = some_pose(draw)
        labels = shifted(batch.labels[number], steps[number].tolist(), 0)
        hu = batch.hu[number].float() - AIR
        batch.hu[number] = (turned(hu, pose, spacing, "bilinear") + AIR).round().to(batch.hu.dtype)
        batch.labels[number] = turned(labels, pose, spacing)
        batch.regions[number] = turned(batch.regions[number], pose, spacing)
        batch.lobes[number] = turned(batch.lobes[number], pose, spacing)
        centres[number] = _placed(centres[number], pose, spacing, batch.hu.shape[1:])
        # Labels are where the volume is from now on.
        steps[number] = 0
    return replace(batch, centres=centres, steps=steps)


def some_pose(draw: np.random.Generator) -> np.ndarray:
    """A matrix [3, 3] that takes x, y, z in mm about the middle of the new volume to the old."""
    most = (ABOUT_Z, ABOUT_Y, ABOUT_X)
    about_z, about_y, about_x = (math.radians(draw.uniform(-each, each)) for each in most)
    cz, sz, cy, sy = math.cos(about_z), math.sin(about_z), math.cos(about_y), math.sin(about_y)
    cx, sx = math.cos(about_x), math.sin(about_x)
    made: np.ndarray = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    made = made @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    made = made @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    return made * float(draw.uniform(1 - SIZE, 1 + SIZE))


def turned(volume: Tensor, pose: np.ndarray, spacing: Point, mode: str = "nearest") -> Tensor:
    """[D, H, W] in another pose, of its own dtype; 0 comes in from beyond it.

    The grid may be a coarser one of the same edges: only ratios of `spacing` count.
    """
    size = volume.shape
    halves = np.array([n * s for n, s in zip(size, spacing, strict=True)])[::-1]
    theta = np.concatenate([pose * halves[None] / halves[:, None], np.zeros((3, 1))], 1)
    turn = sent(theta[None], volume.device)
    where = F.affine_grid(turn, [1, 1, *size], align_corners=False)
    made = F.grid_sample(volume.float()[None, None], where, mode=mode, align_corners=False)[0, 0]
    return made if volume.is_floating_point() else made.round().to(volume.dtype)


def _placed(
    centres: tuple[Centre, ...], pose: np.ndarray, spacing: Point, size: torch.Size
) -> tuple[Centre, ...]:
    """Centres where they are now; those that left the volume are gone."""
    back = np.linalg.inv(pose)
    middle = (np.array(size) - 1) / 2
    kept = []
    for each in centres:
        away = (np.array(each.at) - middle) * spacing
        at = (back @ away[::-1])[::-1] / spacing + middle
        if all(1 <= a < n - 2 for a, n in zip(at, size, strict=True)):
            larger = each.size_mm * float(np.linalg.det(back)) ** (1 / 3)
            place = (float(at[0]), float(at[1]), float(at[2]))
            kept.append(replace(each, at=place, size_mm=larger))
    return tuple(kept)
