"""Masks of findings, and the way back from their grid to the images that were sent.

Offers `Masks`, `segments_of` (which findings get a segment, in which order), `on_images` and
`nearest`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.findings import State
from apps.report_gen.masks import REGIONS, labels_of, unpacked
from apps.report_gen.outputs.scan import Floats, Scan
from apps.report_gen.report import ReportDocument, ReportFinding
from apps.report_gen.schema import Masks as Stored
from apps.report_gen.volume import SourceGrid
from loupe.contract.runtime.errors import InputRefused

_STRAIGHT: Final = 1e-6
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Masks:
    """Where findings are.

    Attributes:
        labels: uint8 [D, H, W]; a finding's `label`. RAS order, as volumes have it.
        affine: of `labels`, (column, row, slice) to RAS mm.
        regions: for kinds without labels, bool [d, h, w] over the same extent, at its size or
            coarser.
    """

    labels: NDArray[np.uint8]
    affine: Floats
    regions: Mapping[str, Bools] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.labels.dtype != np.uint8 or self.labels.ndim != 3 or 0 in self.labels.shape:
            raise InputRefused(
                f"Labels are {self.labels.dtype} of shape {self.labels.shape}; uint8 of three "
                "axes, none empty, is needed.",
                code="mask_shape",
            )
        if self.affine.shape != (4, 4) or not np.isfinite(self.affine).all():
            raise InputRefused(
                "The affine of the masks is not a finite 4 × 4 matrix; give the one from "
                "(column, row, slice) to RAS mm.",
                code="mask_affine",
            )

    @classmethod
    def of_result(cls, stored: Stored) -> Self:
        """The masks that a result keeps."""
        bits = unpacked(stored.regions, stored.region_grid.shape, REGIONS)
        return cls(
            labels=labels_of(stored),
            affine=np.asarray(stored.grid.affine, dtype=np.float64),
            regions={
                kind: (bits >> number & 1).astype(np.bool_)
                for number, kind in enumerate(stored.region_kinds)
            },
        )

    def of(self, finding: ReportFinding) -> tuple[Bools, Floats] | None:
        """A finding's mask and its affine; None if it has no voxel."""
        if finding.label:
            mask = self.labels == finding.label
            affine = self.affine
        else:
            region = self.regions.get(finding.kind)
            if region is None:
                return None
            mask = np.asarray(region, dtype=np.bool_)
            step = np.asarray(self.labels.shape[::-1]) / np.asarray(mask.shape[::-1])
            coarser = np.eye(4)
            coarser[:3, :3] = np.diag(step)
            coarser[:3, 3] = (step - 1) / 2
            affine = self.affine @ coarser
        return (mask, affine) if mask.any() else None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Segment:
    """A finding that has a place on the images, and its mask."""

    number: int
    finding: ReportFinding
    mask: Bools
    affine: Floats


def segments_of(document: ReportDocument, scan: Scan, masks: Masks | None) -> list[Segment]:
    """The findings that are present and have a voxel on the images, numbered from 1."""
    if masks is None:
        return []
    grid, _ = scan.images()
    made: list[Segment] = []
    for finding in document.findings:
        found = masks.of(finding) if finding.state is State.PRESENT else None
        if found is not None and len(_forward(*found, grid)):
            made.append(
                Segment(
                    number=len(made) + 1, finding=finding, mask=found[0], affine=found[1]
                )
            )  # fmt: skip
    return made


def on_images(segment: Segment, scan: Scan) -> Iterator[tuple[int, Bools]]:
    """The images that a segment touches, by index, each with its mask [rows, columns].

    A pixel belongs to it if the voxel of the mask that its centre lies in does (nearest neighbour).
    What lies between images that are far apart is marked on the nearest one, so that no finding
    is lost.
    """
    grid, _ = scan.images()
    inverse = np.linalg.inv(segment.affine)
    low, high = _extent(segment, grid)
    found = False
    for at in range(low, high):
        plane = inverse @ plane_affine(scan, at)
        mask = nearest(segment.mask, plane, grid.shape[1:])
        if mask is not None:
            found = True
            yield at, mask
    if found:
        return
    voxels = _forward(segment.mask, segment.affine, grid)
    for at in np.unique(voxels[:, 0]):
        mask = np.zeros(grid.shape[1:], dtype=np.bool_)
        here = voxels[voxels[:, 0] == at]
        mask[here[:, 1], here[:, 2]] = True
        yield int(at), mask


def plane_affine(scan: Scan, at: int) -> Floats:
    """(column, row, 0) of one image to RAS mm; by the image's own position where it is known."""
    grid, sources = scan.images()
    affine = grid.affine.copy()
    position = sources[at].position
    if position is None:
        affine[:3, 3] += affine[:3, 2] * at
    else:
        affine[:3, 3] = np.asarray(position) * (-1.0, -1.0, 1.0)
    return affine


def _forward(mask: Bools, affine: Floats, grid: SourceGrid) -> NDArray[np.int64]:
    """The pixels (image, row, column) that middles of a mask's voxels lie in; those inside."""
    voxels = np.argwhere(mask)[:, ::-1].astype(np.float64)
    way = np.linalg.inv(grid.affine) @ affine
    at = np.rint(voxels @ way[:3, :3].T + way[:3, 3]).astype(np.int64)[:, ::-1]
    inside = ((at >= 0) & (at < np.asarray(grid.shape))).all(axis=1)
    return at[inside]


def _extent(segment: Segment, grid: SourceGrid) -> tuple[int, int]:
    """The first and last image (not included) that a mask can touch, by its box's corners."""
    lines = [np.flatnonzero(segment.mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    corners = np.array(
        [
            (x, y, z, 1.0)
            for z in (lines[0][0] - 0.5, lines[0][-1] + 0.5)
            for y in (lines[1][0] - 0.5, lines[1][-1] + 0.5)
            for x in (lines[2][0] - 0.5, lines[2][-1] + 0.5)
        ]
    )
    images = (corners @ (np.linalg.inv(grid.affine) @ segment.affine).T)[:, 2]
    # Uneven series: an image may lie off its place on the mean grid.
    slack = 2 + round(0.1 * grid.shape[0])
    low = max(0, int(np.floor(images.min())) - slack)
    return low, min(grid.shape[0], int(np.ceil(images.max())) + slack + 1)


def nearest(mask: Bools, plane: Floats, shape: tuple[int, ...]) -> Bools | None:
    """A mask at the pixels of one image; `plane` takes (column, row, 0) to the mask's voxels."""
    rows, columns = shape
    across, down, start = plane[:3, 0], plane[:3, 1], plane[:3, 3]
    apart = (np.abs(across) > _STRAIGHT) & (np.abs(down) > _STRAIGHT)
    if not apart.any():
        picked: list[Any] = []
        for axis in (2, 1, 0):
            along = np.arange(columns)[None, :] * across[axis]
            if abs(down[axis]) > _STRAIGHT:
                along = np.arange(rows)[:, None] * down[axis]
            elif abs(across[axis]) <= _STRAIGHT:
                along = np.zeros((1, 1))
            picked.append(np.floor(along + start[axis] + 0.5).astype(np.int64))
    else:
        row, column = np.arange(rows)[:, None], np.arange(columns)[None, :]
        picked = [
            np.floor(column * across[axis] + row * down[axis] + start[axis] + 0.5).astype(np.int64)
            for axis in (2, 1, 0)
        ]
    inside = np.ones((1, 1), dtype=np.bool_)
    for index, length in zip(picked, mask.shape, strict=True):
        inside = inside & (index >= 0) & (index < length)
    if not inside.any():
        return None
    clipped = [
        np.clip(index, 0, length - 1) for index, length in zip(picked, mask.shape, strict=True)
    ]
    made = np.asarray(np.broadcast_to(mask[tuple(clipped)] & inside, (rows, columns)))
    return made if made.any() else None
