"""The volume of a study for the viewer: a small one at once, and the whole one."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.outputs.scan import Scan
from apps.report_gen.reading.studies import read_study
from apps.report_gen.viewing.nifti import nifti
from apps.report_gen.viewing.parts import joined
from apps.report_gen.volume import Volume
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

SMALL = (96, 192, 192)
"""Voxels of the small volume along slices, rows and columns, at most."""


def made(path: Path, options: Mapping[str, JsonValue]) -> bytes:
    """Small and whole volume as gzipped NIfTI and the record of the scan as JSON, as one; see
    `apps.report_gen.viewing.parts`.

    Runs in the sandbox: it reads what came from outside.

    Raises:
        InputRefused: no series of the study can be read.
    """
    volume = read_study([path]).volume
    if volume is None:
        raise InputRefused(
            "No series of this study can be read, so there is nothing to show.", code="no_volume"
        )
    scan = json.dumps(Scan.of(volume).record()).encode()
    return joined(nifti(*small(volume)), nifti(volume.hu, volume.affine), scan)


def small(volume: Volume) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Means over blocks of whole voxels, and the affine of their centres."""
    steps = [-(-have // most) for have, most in zip(volume.shape, SMALL, strict=True)]
    kept = [have // step for have, step in zip(volume.shape, steps, strict=True)]
    total = np.zeros(kept, np.float32)
    for z in range(steps[0]):
        for y in range(steps[1]):
            for x in range(steps[2]):
                total += volume.hu[
                    z : kept[0] * steps[0] : steps[0],
                    y : kept[1] * steps[1] : steps[1],
                    x : kept[2] * steps[2] : steps[2],
                ]
    means = np.rint(total / float(np.prod(steps))).astype(np.int16)
    affine = volume.affine.copy()
    columns = np.array([steps[2], steps[1], steps[0]], float)
    affine[:3, 3] += volume.affine[:3, :3] @ ((columns - 1) / 2)
    affine[:3, :3] *= columns
    return means, affine
