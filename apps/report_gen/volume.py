"""What reading a study ends in and everything after begins with: a CT volume on a patient's axes.

Offers `Volume` (Hounsfield units in RAS-canonical order with the way back to the patient),
`SourceInstance` (the image that gave one slice, for SEG and SR), `SourceGrid` (the grid those
images lie on), `Series` and `SeriesFacts` (what the headers said, without anything that names a
person in the facts).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.errors import InputRefused

AIR: Final = -1024
"""Hounsfield units of what lies outside the field of view."""

LOWEST: Final = -32768
HIGHEST: Final = 32767


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceInstance:
    """The image a slice came from. Position in DICOM's patient axes (LPS), mm."""

    sop_class_uid: str
    sop_instance_uid: str
    frame: int = 1
    """Counts from 1, as DICOM's frame numbers do; 1 for an image with one frame."""
    position: tuple[float, float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SourceGrid:
    """The grid the images were sent on, before it was turned to the patient's axes or resampled.

    `affine` takes (column, row, image, 1) of the images, in the order of `Volume.sources`, to RAS
    mm. It is the mean grid where the images do not lie evenly.
    """

    shape: tuple[int, int, int]
    """Images, rows, columns."""
    affine: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesFacts:
    """What the headers say about how a series was made; nothing in it names a person."""

    modality: str = ""
    body_part: str = ""
    kernel: str = ""
    manufacturer: str = ""
    image_type: tuple[str, ...] = ()
    patient_position: str = ""
    contrast: bool | None = None
    thickness: float | None = None
    """Of a slice, mm."""
    kvp: float | None = None
    transfer_syntax: str = ""
    images: int = 0
    rows: int = 0
    columns: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One series: where it belongs, and its facts."""

    series_uid: str = ""
    study_uid: str = ""
    number: int | None = None
    facts: SeriesFacts = SeriesFacts()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Volume:
    """A CT volume in RAS-canonical order.

    `hu[slice, row, column]` is int16 in Hounsfield units. Slices run from the feet to the head
    (inferior to superior), rows from back to front (posterior to anterior), columns from the
    patient's left to the patient's right, whatever way the images came.
    """

    hu: NDArray[np.int16]
    spacing: tuple[float, float, float]
    """Between slices, rows and columns, mm."""
    affine: NDArray[np.float64]
    """4 × 4: (column, row, slice, 1) to RAS mm (x to the right, y to the front, z to the head)."""
    sources: tuple[SourceInstance, ...] = ()
    """The images in the order of `source_grid`; empty for NIfTI and phantoms."""
    source_grid: SourceGrid | None = None
    resampled: bool = False
    """Whether `hu` lies on another grid than the images (tilt, uneven spacing)."""
    series: Series = Series()

    def __post_init__(self) -> None:
        if self.hu.dtype != np.int16 or self.hu.ndim != 3 or 0 in self.hu.shape:
            raise InputRefused(
                f"A volume holds int16 of three axes, none empty; this is {self.hu.dtype} of shape "
                f"{self.hu.shape}. Convert it to Hounsfield units first.",
                code="volume_shape",
            )
        if not all(0 < each < 1000 for each in self.spacing):
            raise InputRefused(
                f"The spacing of a volume is {self.spacing}; three lengths above 0 and below 1000 "
                "mm are allowed. Give the distances between slices, rows and columns.",
                code="volume_spacing",
            )
        if self.affine.shape != (4, 4) or not np.isfinite(self.affine).all():
            raise InputRefused(
                f"The affine of a volume is {self.affine.shape} or not finite; a finite 4 × 4 "
                "matrix from (column, row, slice) to RAS mm is needed.",
                code="volume_affine",
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        slices, rows, columns = self.hu.shape
        return slices, rows, columns

    def to_patient(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """RAS mm of voxel positions [..., (slice, row, column)]; centres of voxels are integers."""
        moved = points[..., ::-1] @ self.affine[:3, :3].T + self.affine[:3, 3]
        return np.asarray(moved, dtype=np.float64)

    def from_patient(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Voxel positions [..., (slice, row, column)] of RAS mm; not rounded."""
        inverse = np.linalg.inv(self.affine)
        moved = points @ inverse[:3, :3].T + inverse[:3, 3]
        return np.asarray(moved[..., ::-1], dtype=np.float64)


def straight_affine(
    spacing: tuple[float, float, float], origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> NDArray[np.float64]:
    """The affine of a volume that lies along the patient's axes.

    `spacing` between slices, rows and columns (mm); `origin` is voxel 0, 0, 0 in RAS mm.
    """
    affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
    affine[:3, 3] = origin
    return affine
