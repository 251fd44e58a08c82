"""The scan that outputs refer to, without its voxels: where it lies and which images it came of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.volume import SourceGrid, SourceInstance, Volume
from loupe.contract.runtime.errors import InputRefused

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scan:
    """Where a volume lies.

    `affine`: of the volume that was read, 4 × 4, (column, row, slice) to RAS mm. Places in a report
    are told in mm from the centre of its first voxel, along its axes.
    """

    affine: Floats
    spacing: tuple[float, float, float]
    """Between slices, rows and columns, mm."""
    sources: tuple[SourceInstance, ...] = ()
    """The images, in the order of `source_grid`; empty for NIfTI."""
    source_grid: SourceGrid | None = None

    @classmethod
    def of(cls, volume: Volume) -> Self:
        """The scan of a volume."""
        return cls(
            affine=volume.affine,
            spacing=volume.spacing,
            sources=volume.sources,
            source_grid=volume.source_grid,
        )

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        grid = self.source_grid
        return {
            "affine": self.affine.tolist(),
            "spacing": list(self.spacing),
            "sources": [
                [each.sop_class_uid, each.sop_instance_uid, each.frame, each.position]
                for each in self.sources
            ],
            "source_grid": None
            if grid is None
            else {"shape": list(grid.shape), "affine": grid.affine.tolist()},
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Back from `record`."""
        grid = record["source_grid"]
        return cls(
            affine=np.asarray(record["affine"], dtype=np.float64),
            spacing=tuple(record["spacing"]),
            sources=tuple(
                SourceInstance(
                    sop_class_uid=each[0],
                    sop_instance_uid=each[1],
                    frame=each[2],
                    position=None if each[3] is None else tuple(each[3]),
                )
                for each in record["sources"]
            ),
            source_grid=None
            if grid is None
            else SourceGrid(
                shape=tuple(grid["shape"]), affine=np.asarray(grid["affine"], dtype=np.float64)
            ),
        )

    def to_patient(self, place: tuple[float, float, float]) -> Floats:
        """LPS mm, as DICOM tells places, of a place (z, y, x) of a report."""
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        ras = directions @ np.asarray(place[::-1], dtype=np.float64) + self.affine[:3, 3]
        return np.asarray(ras * (-1.0, -1.0, 1.0), dtype=np.float64)

    def images(self) -> tuple[SourceGrid, tuple[SourceInstance, ...]]:
        """The grid of the images and the images, for outputs that refer to them.

        Raises:
            InputRefused: the scan did not come as DICOM images.
        """
        if self.source_grid is None or not self.sources:
            raise InputRefused(
                "The scan has no DICOM images (it came as NIfTI), so no DICOM object can refer to "
                "it. Use the PDF or FHIR, or send the study as DICOM.",
                code="no_source_images",
            )
        if len(self.sources) != self.source_grid.shape[0]:
            raise InputRefused(
                f"The scan names {len(self.sources)} images and its grid has "
                f"{self.source_grid.shape[0]}; as many are needed. Read the study again.",
                code="source_images",
            )
        return self.source_grid, self.sources
