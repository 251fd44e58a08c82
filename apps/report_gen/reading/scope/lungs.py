"""Where the lungs are, coarsely: aerated tissue inside the body, in voxels of some 4 mm.

Not a segmentation to measure by: it tells a chest from an abdomen and a head.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from apps.report_gen.volume import Volume

COARSE: Final = 4.0
"""mm; finer volumes are thinned out to it."""
BODY: Final = -300
AERATED: Final = (-1000, -400)
LEAST_PART: Final = 0.05
"""Litres; smaller pieces are bowel gas, airways or sinuses."""
TEXTURE: Final = -500
LEAST_HU: Final = -940
"""Lung is a mixture of air and tissue: a piece whose median is below is gas."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lungs:
    """Lung that was found. An extent of 0 means none."""

    litres: float
    extent: float
    """From the lowest to the highest slice with lung, mm."""
    lower_cut: float
    """Area on the lowest slice of the scan, as a share of the largest area."""
    upper_cut: float
    covered: float
    """Height of the scan, mm."""


def thinned(volume: Volume) -> tuple[NDArray[np.int16], tuple[float, float, float]]:
    """Every n-th voxel, so that none is finer than `COARSE`; and the spacing between those, mm."""
    steps = [max(1, int(COARSE // each)) for each in volume.spacing]
    part = volume.hu[:: steps[0], :: steps[1], :: steps[2]]
    return part, (
        volume.spacing[0] * steps[0],
        volume.spacing[1] * steps[1],
        volume.spacing[2] * steps[2],
    )


def find_lungs(hu: NDArray[np.int16], spacing: tuple[float, float, float]) -> Lungs:
    """Lung in a coarse volume [slice, row, column] in canonical order.

    The body is what is left when air that reaches the edge of a slice is taken away; aerated pieces
    inside it are lung where they are large enough and not pure gas.
    """
    return _measured(lung_mask(hu, spacing), spacing, float(np.prod(spacing)) * 1e-6)


def lung_mask(hu: NDArray[np.int16], spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    """The voxels of `find_lungs`."""
    inside = _inside_body(hu)
    smooth = ndimage.uniform_filter(hu.astype(np.float32), size=(1, 3, 3))
    aerated = inside & (smooth > AERATED[0]) & (smooth < AERATED[1])
    aerated = ndimage.binary_opening(aerated, structure=np.ones((1, 2, 2), bool))
    voxel = float(np.prod(spacing)) * 1e-6
    labels, count = ndimage.label(aerated)
    found: NDArray[np.bool_] = np.zeros_like(aerated)
    if count:
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        for label, place in enumerate(ndimage.find_objects(labels), start=1):
            if sizes[label] * voxel < LEAST_PART:
                continue
            piece = labels[place] == label
            if LEAST_HU <= float(np.median(hu[place][piece])) <= TEXTURE:
                found[place] |= piece
    return found


def _inside_body(hu: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Voxels enclosed by tissue within their slice, tissue itself left in."""
    tissue = hu > BODY
    inside = np.empty_like(tissue)
    disc = ndimage.generate_binary_structure(2, 2)
    for at, layer in enumerate(tissue):
        labels, count = ndimage.label(layer, structure=disc)
        if not count:
            inside[at] = False
            continue
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        body = labels == int(sizes.argmax())  # leaves out the table and the arms
        inside[at] = ndimage.binary_fill_holes(ndimage.binary_closing(body, disc))
    return inside


def _measured(found: NDArray[np.bool_], spacing: tuple[float, float, float], voxel: float) -> Lungs:
    areas = found.sum(axis=(1, 2)).astype(np.float64)
    covered = len(areas) * spacing[0]
    if not areas.any():
        return Lungs(litres=0.0, extent=0.0, lower_cut=0.0, upper_cut=0.0, covered=covered)
    held = np.flatnonzero(areas)
    return Lungs(
        litres=float(areas.sum() * voxel),
        extent=float((held[-1] - held[0] + 1) * spacing[0]),
        lower_cut=float(areas[0] / areas.max()),
        upper_cut=float(areas[-1] / areas.max()),
        covered=covered,
    )
