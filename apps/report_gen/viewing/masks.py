"""The masks of a result as one volume of numbers, one number for each finding that has a place."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.findings import KEYS, KINDS, State
from apps.report_gen.masks import labels_of, region_of
from apps.report_gen.report import ReportFinding
from apps.report_gen.schema import Grid, Masks, StudyResult
from apps.report_gen.viewing.nifti import nifti

REGIONS_FROM = 200
"""Numbers below are labels of focal findings; from it on, kinds in the order of `KEYS`."""


@dataclass(frozen=True)
class Placed:
    """Where a finding is: its number in the volume of masks, and its middle in RAS mm."""

    number: int
    centre: tuple[float, float, float] | None


def affine_of(grid: Grid) -> NDArray[np.float64]:
    """4 × 4."""
    return np.array(grid.affine, dtype=np.float64)


def numbered(masks: Masks) -> NDArray[np.uint8]:
    """uint8 on `masks.grid`: focal findings over regions, small kinds over large ones."""
    labels = labels_of(masks)
    out = np.zeros_like(labels)
    fine, coarse = masks.grid, masks.region_grid
    picks = [
        np.clip(((np.arange(have) + 0.5) * fine_mm / coarse_mm).astype(int), 0, there - 1)
        for have, fine_mm, coarse_mm, there in zip(
            fine.shape, fine.spacing, coarse.spacing, coarse.shape, strict=True
        )
    ]
    regions = {kind: region_of(masks, kind) for kind in masks.region_kinds if not KINDS[kind].focal}
    for kind in sorted(regions, key=lambda one: -int(regions[one].sum())):
        region = regions[kind][np.ix_(*picks)]
        out[region] = REGIONS_FROM + KEYS.index(kind)
    there = labels > 0
    out[there] = labels[there]
    return out


def nifti_of(masks: Masks) -> bytes:
    """`numbered` as a gzipped NIfTI file."""
    return nifti(numbered(masks), affine_of(masks.grid), labels=True)


def places(result: StudyResult) -> Mapping[str, Placed]:
    """Number and middle of every finding of a result that is not absent, by its id."""
    found = {}
    for each in result.findings:
        if each.state is not State.ABSENT:
            found[each.id] = Placed(number_of(each), _middle(result, each))
    return found


def number_of(finding: ReportFinding) -> int:
    """Its number in the volume of masks; 0: it has none."""
    if KINDS[finding.kind].focal:
        return finding.label if finding.label < REGIONS_FROM else 0
    return REGIONS_FROM + KEYS.index(finding.kind)


def ras_of(grid: Grid, millimetres: tuple[float, float, float]) -> tuple[float, float, float]:
    """RAS mm of a place that is told in mm (slice, row, column) from the first voxel's centre."""
    voxel = [mm / spacing for mm, spacing in zip(millimetres, grid.spacing, strict=True)]
    x, y, z, _ = affine_of(grid) @ np.array([voxel[2], voxel[1], voxel[0], 1.0])
    return round(float(x), 2), round(float(y), 2), round(float(z), 2)


def millimetres_of(grid: Grid, ras: tuple[float, float, float]) -> tuple[float, float, float]:
    """The other way: mm (slice, row, column) from the first voxel's centre."""
    x, y, z, _ = np.linalg.inv(affine_of(grid)) @ np.array([*ras, 1.0])
    a, b, c = grid.spacing
    return float(z * a), float(y * b), float(x * c)


def _middle(result: StudyResult, finding: ReportFinding) -> tuple[float, float, float] | None:
    if finding.centre is not None and result.volume is not None:
        return ras_of(result.volume, finding.centre)
    if result.masks is None or KINDS[finding.kind].focal:
        return None
    region = region_of(result.masks, finding.kind)
    at = np.argwhere(region)
    if not len(at):
        return None
    # The voxel of the region that lies nearest to its mean: the mean itself may lie outside.
    nearest = at[np.argmin(((at - at.mean(axis=0)) ** 2).sum(axis=1))]
    grid = result.masks.region_grid
    z, y, x = (float(place) * mm for place, mm in zip(nearest, grid.spacing, strict=True))
    return ras_of(grid, (z, y, x))
