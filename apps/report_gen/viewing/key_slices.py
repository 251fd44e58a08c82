"""The axial slice through a finding as a picture, with the finding outlined: for a look at once.

Drawn from the viewer's small volume, so it comes without the whole one. As radiologists look at it:
the patient's right on the left, front on top. The outline lies outside of the finding.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.schema import StudyResult
from apps.report_gen.viewing.masks import Placed, affine_of, numbered, places
from apps.report_gen.viewing.nifti import png_colour
from apps.report_gen.viewing.slices import WINDOWS, read
from loupe.contract.runtime.errors import InputRefused

SIDE: Final = 420
"""Pixels of the longer side."""
OUTLINE: Final = (255, 176, 0)
THICK: Final = 2
MEDIASTINAL: Final = frozenset({
    "pleural_effusion", "pericardial_effusion", "cardiomegaly", "hiatal_hernia",
    "arterial_wall_calcification", "coronary_artery_wall_calcification",
})  # fmt: skip
"""Kinds that are seen in the window of the mediastinum; the others in that of the lung."""


def key_slice(small: Path, result: StudyResult, finding_id: str) -> bytes:
    """The picture of one finding as PNG.

    Args:
        small: the small volume as `apps.report_gen.viewing.volumes` wrote it.

    Raises:
        InputRefused: there is no such finding with a place.
    """
    placed = places(result).get(finding_id)
    if placed is None or placed.centre is None:
        raise InputRefused(
            "This finding has no place in the volume, so there is no slice of it.", code="no_place"
        )
    kind = next(each.kind for each in result.findings if each.id == finding_id)
    voxels, affine = read(small)
    inverse = np.linalg.inv(affine)
    at = round(float((inverse @ [*placed.centre, 1.0])[2]))
    at = min(max(at, 0), len(voxels) - 1)
    rows, columns = _grid(voxels.shape[1:], affine)
    level, width = WINDOWS["mediastinum" if kind in MEDIASTINAL else "lung"]
    share = np.clip((_between(voxels[at], rows, columns) - (level - width / 2)) / width, 0, 1)
    picture = np.repeat((share * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    mask = _mask(result, placed, affine, at, rows, columns)
    if mask is not None:
        picture[_grown(mask) & ~mask] = OUTLINE
    return png_colour(np.ascontiguousarray(picture[::-1, ::-1]))


def _grid(
    shape: tuple[int, ...], affine: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of the slice, in voxels, where pixels of equal size lie."""
    column_mm, row_mm = np.linalg.norm(affine[:3, :2], axis=0)
    tall, wide = shape[0] * row_mm, shape[1] * column_mm
    pixel = max(tall, wide) / SIDE
    return (
        np.linspace(0, shape[0] - 1, max(1, round(tall / pixel))),
        np.linspace(0, shape[1] - 1, max(1, round(wide / pixel))),
    )


def _between(
    plane: NDArray[np.int16], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bilinear values of a slice [row, column]."""
    values = plane.astype(np.float64)
    low, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    high, right = np.minimum(low + 1, len(values) - 1), np.minimum(left + 1, values.shape[1] - 1)
    down, along = (rows - low)[:, None], (columns - left)[None, :]
    top = values[np.ix_(low, left)] * (1 - along) + values[np.ix_(low, right)] * along
    bottom = values[np.ix_(high, left)] * (1 - along) + values[np.ix_(high, right)] * along
    mixed: NDArray[np.float64] = top * (1 - down) + bottom * down
    return mixed


def _mask(
    result: StudyResult,
    placed: Placed,
    affine: NDArray[np.float64],
    at: int,
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
) -> NDArray[np.bool_] | None:
    """Where the finding is among the pixels; None: it has no mask."""
    if result.masks is None or not placed.number:
        return None
    labels = numbered(result.masks)
    way = np.linalg.inv(affine_of(result.masks.grid)) @ affine
    y, x = np.meshgrid(rows, columns, indexing="ij")
    place = way[:3, :3] @ np.stack([x, y, np.full_like(x, at)]).reshape(3, -1) + way[:3, 3:4]
    index = np.rint(place).astype(int)[::-1]
    inside = np.all((index >= 0) & (index < np.array(labels.shape)[:, None]), axis=0)
    found = np.zeros(x.size, np.bool_)
    found[inside] = labels[tuple(index[:, inside])] == placed.number
    return found.reshape(x.shape)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    grown = mask.copy()
    for _ in range(THICK):
        padded = np.pad(grown, 1)
        grown = (
            padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2]
            | padded[1:-1, 2:]
        )  # fmt: skip
    return grown
