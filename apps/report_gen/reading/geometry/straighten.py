"""Resampling to a straight, even grid: gaps filled, tilt and oblique planes straightened.

Linear interpolation; what lies outside the images becomes air.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from apps.report_gen.reading.geometry.canonical import spacing_of, turn
from apps.report_gen.reading.geometry.stack import Stack
from apps.report_gen.reading.limits import Limits
from apps.report_gen.reading.reasons import Reason, refusal
from apps.report_gen.volume import AIR


def evened(
    images: NDArray[np.int16], distances: NDArray[np.float64], spacing: float
) -> NDArray[np.int16]:
    """Images [n, rows, columns] at uneven `distances` (mm) as images one every `spacing` mm."""
    count = round(float(distances[-1]) / spacing) + 1
    wanted = np.linspace(0.0, float(distances[-1]), count)
    after = np.clip(np.searchsorted(distances, wanted), 1, len(distances) - 1)
    share = (wanted - distances[after - 1]) / (distances[after] - distances[after - 1])
    result = np.empty((count, *images.shape[1:]), dtype=np.int16)
    for at in range(count):
        before = images[after[at] - 1].astype(np.float32)
        result[at] = np.rint(before + share[at] * (images[after[at]] - before))
    return result


def even_affine(stack: Stack) -> NDArray[np.float64]:
    """The affine of `evened` images: the same first and last image, other steps between."""
    count = round(float(stack.distances[-1]) / stack.spacing) + 1
    affine = stack.affine()
    affine[:3, 2] *= (len(stack.images) - 1) / (count - 1)
    return affine


def straightened(
    images: NDArray[np.int16], affine: NDArray[np.float64], limits: Limits
) -> tuple[NDArray[np.int16], NDArray[np.float64]] | Reason:
    """Images [n, rows, columns] on a slanted grid as a RAS volume along the patient's axes.

    Returns [slice, row, column] and its affine, or the refusal of a grid that would be too large.
    """
    columns, rows, count = images.shape[2], images.shape[1], images.shape[0]
    turned = turn(affine, (columns, rows, count))
    spacing = np.array(spacing_of(turned.affine(affine)))[::-1]  # along x, y, z
    corners = np.array(
        [[x, y, z, 1] for x in (0, columns - 1) for y in (0, rows - 1) for z in (0, count - 1)]
    )
    places = (affine @ corners.T)[:3]
    least, most = places.min(axis=1), places.max(axis=1)
    size = np.floor((most - least) / spacing + 1e-6).astype(int) + 1
    if int(size.prod()) > limits.voxels:
        return refusal("too_large", count=int(size.prod()), most=limits.voxels)
    straight = np.diag([*spacing, 1.0])
    straight[:3, 3] = least
    # Of the output [slice, row, column] to the input [image, row, column].
    across = np.linalg.inv(affine) @ straight
    volume = ndimage.affine_transform(
        images,
        across[:3, :3][::-1, ::-1],
        offset=across[:3, 3][::-1],
        output_shape=tuple(int(each) for each in size[::-1]),
        output=np.int16,
        order=1,
        mode="constant",
        cval=AIR,
    )
    return volume, straight
