"""A stack of images in order, and how it becomes a volume."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.reading.geometry.canonical import spacing_of, turn
from apps.report_gen.reading.geometry.planes import TO_RAS, axes
from apps.report_gen.reading.headers import Image


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stack:
    """Images ordered along their normal, each at its distance from the first (mm).

    `even` says that they lie evenly; `straight` that their grid may be kept as it is.
    """

    images: tuple[Image, ...]
    distances: NDArray[np.float64]
    spacing: float
    """Between slices, along the normal, mm: the usual one."""
    even: bool
    straight: bool

    @property
    def rows(self) -> int:
        """Of every image."""
        return self.images[0].file.rows

    @property
    def columns(self) -> int:
        """Of every image."""
        return self.images[0].file.columns

    def extent(self) -> tuple[float, float, float]:
        """Of the patient on these images: to the head, to the front, to the right, mm."""
        affine = self.affine()
        turned = turn(affine, (self.columns, self.rows, len(self.images)))
        slices, rows, columns = turned.canonical_shape
        depth, down, across = spacing_of(turned.affine(affine))
        return slices * depth, rows * down, columns * across

    def affine(self) -> NDArray[np.float64]:
        """(column, row, image, 1) to RAS mm: the mean grid of the images."""
        first, last = self.images[0], self.images[-1]
        found = axes(first.orientation or ())
        if found is None or first.position is None or last.position is None:
            raise ValueError("a stack is made of images that were placed")
        across, down, _ = found
        between_rows, between_columns = first.pixel_spacing or (1.0, 1.0)
        affine = np.eye(4)
        affine[:3, 0] = across * between_columns
        affine[:3, 1] = down * between_rows
        start = np.array(first.position)
        affine[:3, 2] = (np.array(last.position) - start) / max(1, len(self.images) - 1)
        affine[:3, 3] = start
        return np.asarray(TO_RAS @ affine, dtype=np.float64) + 0.0  # no negative zeros
