"""Where the lungs are, coarsely: aerated tissue inside the body, in voxels of some 4 mm.

Not a segmentation to measure by: it tells a chest from an abdomen and a head.
"""

from collections.abc import Mapping
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
SIDES: Final = ("left", "right", "back", "front")
"""Of the patient: the first and last column, the first and last row."""
_ACROSS: Final = 0.7
"""Share of the body's depth or width that an edge shows where it cuts through the body, rather than
off some of its wall."""
_LEAST_HELD: Final = 2
"""Voxels of lung at an edge that are lung cut off."""
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
    cut: Mapping[str, float]
    """Share of the slices with lung on which the field of view cuts the body at a `SIDES`."""
    width: float
    """Of the body where the lungs are widest, mm; what is cut off is not in it."""


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
    inside = _inside_body(hu)
    return _measured(_lungs(hu, spacing, inside), inside, spacing)


def lung_mask(hu: NDArray[np.int16], spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    """The voxels of `find_lungs`."""
    return _lungs(hu, spacing, _inside_body(hu))


def _lungs(
    hu: NDArray[np.int16], spacing: tuple[float, float, float], inside: NDArray[np.bool_]
) -> NDArray[np.bool_]:
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
        closed = ndimage.binary_closing(body, disc) | body
        for edge in _edges(closed):
            _close(edge)
        inside[at] = ndimage.binary_fill_holes(closed)
    return inside


def _edges(layer: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...]:
    """Views of the edges of one slice, in the order of `SIDES`."""
    return layer[:, 0], layer[:, -1], layer[0], layer[-1]


def _close(edge: NDArray[np.bool_]) -> None:
    """Between two places where an edge cuts the body lies the body: lung, if it is no tissue."""
    held = np.flatnonzero(edge)
    if held.size:
        edge[held[0] : held[-1] + 1] = True


def _cut(found: NDArray[np.bool_], inside: NDArray[np.bool_]) -> dict[str, float]:
    """See `Lungs.cut`."""
    held = np.flatnonzero(found.any(axis=(1, 2)))
    times = dict.fromkeys(SIDES, 0)
    for at in held:
        deep, wide = inside[at].any(axis=1).sum(), inside[at].any(axis=0).sum()
        sides = zip(SIDES, _edges(found[at]), _edges(inside[at]), (deep, deep, wide, wide),
                    strict=True)  # fmt: skip
        for side, lung, body, whole in sides:
            times[side] += bool(lung.sum() >= _LEAST_HELD or body.sum() > _ACROSS * whole)
    return {side: count / held.size for side, count in times.items()}


def _measured(
    found: NDArray[np.bool_], inside: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> Lungs:
    voxel = float(np.prod(spacing)) * 1e-6
    areas = found.sum(axis=(1, 2)).astype(np.float64)
    covered = len(areas) * spacing[0]
    if not areas.any():
        return Lungs(
            litres=0.0, extent=0.0, lower_cut=0.0, upper_cut=0.0, covered=covered, cut={}, width=0.0
        )
    held = np.flatnonzero(areas)
    return Lungs(
        litres=float(areas.sum() * voxel),
        extent=float((held[-1] - held[0] + 1) * spacing[0]),
        lower_cut=float(areas[0] / areas.max()),
        upper_cut=float(areas[-1] / areas.max()),
        covered=covered,
        cut=_cut(found, inside),
        width=float(inside[int(areas.argmax())].any(axis=0).sum() * spacing[2]),
    )
