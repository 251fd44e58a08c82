"""From the network's own grid to the volume that was read: places, boxes and affines.

The network's voxels begin ``origin`` voxels into the volume resampled to the network's spacing,
whose first voxel shares its outer corner with the volume's (`core_kernels.structures.resampling`).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.findings import Finding, FindingSet

Millimetres = tuple[float, float, float]


def shift(origin: tuple[int, int, int], target: Millimetres, spacing: Millimetres) -> Millimetres:
    """Where the centre of the network's first voxel lies, in mm from that of the volume's."""
    z, y, x = (
        at * wide + (wide - have) / 2
        for at, wide, have in zip(origin, target, spacing, strict=True)
    )
    return z, y, x


def moved(findings: FindingSet, by: Millimetres) -> FindingSet:
    """The same findings with places from another point."""
    return replace(findings, findings=tuple(_moved(each, by) for each in findings.findings))


def _moved(finding: Finding, by: Millimetres) -> Finding:
    centre, box = finding.centre, finding.box
    if centre is not None:
        centre = (
            round(centre[0] + by[0], 2), round(centre[1] + by[1], 2), round(centre[2] + by[2], 2)
        )  # fmt: skip
    if box is not None:
        low = [round(pair[0] + step, 2) for pair, step in zip(box, by, strict=True)]
        high = [round(pair[1] + step, 2) for pair, step in zip(box, by, strict=True)]
        box = ((low[0], high[0]), (low[1], high[1]), (low[2], high[2]))
    return replace(finding, centre=centre, box=box)


def network_affine(
    affine: NDArray[np.float64], spacing: Millimetres, target: Millimetres, by: Millimetres
) -> NDArray[np.float64]:
    """(column, row, slice, 1) of the network's voxels to RAS mm; `affine` is the volume's."""
    made = np.eye(4)
    # One column, row and slice of the volume as vectors of 1 mm.
    axes = affine[:3, :3] / np.asarray([spacing[2], spacing[1], spacing[0]])
    made[:3, :3] = axes * np.asarray([target[2], target[1], target[0]])
    made[:3, 3] = affine[:3, 3] + axes @ np.asarray([by[2], by[1], by[0]])
    return made
