"""A picture of each focal finding: the axial slice that shows the most of it, and its outline.

Pictures stand as radiologists see them: the patient's right on the left, front on top. The window
is that of the lung. The outline lies outside of the finding and covers none of it.
"""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from apps.report_gen.findings import KINDS, State
from apps.report_gen.outputs.masks import Masks, nearest
from apps.report_gen.report import ReportDocument, ReportFinding
from apps.report_gen.volume import Volume

MOST: Final = 6
"""Pictures in one report, the largest findings first."""
WINDOW: Final = (-600.0, 1500.0)
"""Centre and width in HU."""
SIDE: Final = 480
"""Pixels of a picture's longer side."""
OUTLINE: Final = (255, 176, 0)
LETTER: Final = (235, 235, 235)
CLOSE_UP_MM: Final = 70.0


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyImage:
    """Pictures of one finding as PNG: the whole slice, and what lies around the finding."""

    finding: ReportFinding
    slice_number: int
    """Counts from 1, from the feet."""
    whole: bytes
    close: bytes


def key_images(document: ReportDocument, volume: Volume, masks: Masks | None) -> list[KeyImage]:
    """Pictures of the focal findings that are present and have a place."""
    focal = [
        each
        for each in document.findings
        if each.state is State.PRESENT
        and (each.box is not None or (each.kind in KINDS and KINDS[each.kind].focal))
    ]
    focal.sort(key=lambda each: (-(each.size_mm or 0.0), each.id))
    made: list[KeyImage] = []
    for finding in focal:
        outlined = _outlined(finding, volume, masks)
        if outlined is not None and len(made) < MOST:
            made.append(outlined)
    return made


def _outlined(finding: ReportFinding, volume: Volume, masks: Masks | None) -> KeyImage | None:
    found = _slice_of(finding, volume, masks)
    if found is None:
        return None
    at, mask = found
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    middle = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    whole = slice(0, mask.shape[0]), slice(0, mask.shape[1])
    close = tuple(
        slice(max(0, round(centre - half)), min(size, round(centre + half) + 1))
        for centre, size, half in (
            (
                middle[axis],
                mask.shape[axis],
                max(CLOSE_UP_MM / 2 / volume.spacing[axis + 1], 0.8 * (len((rows, columns)[axis]))),
            )
            for axis in (0, 1)
        )
    )
    hu = volume.hu[at]
    return KeyImage(
        finding=finding,
        slice_number=at + 1,
        whole=_picture(hu, mask, whole, volume.spacing),
        close=_picture(hu, mask, (close[0], close[1]), volume.spacing),
    )


def _slice_of(
    finding: ReportFinding, volume: Volume, masks: Masks | None
) -> tuple[int, NDArray[np.bool_]] | None:
    """The slice with most of a finding, and the finding in it [rows, columns]."""
    held = masks.of(finding) if masks is not None and finding.label else None
    if held is not None:
        mask, affine = held
        way = np.linalg.inv(volume.affine) @ affine
        slices = np.argwhere(mask)[:, ::-1] @ way[:3, :3].T + way[:3, 3]
        places = np.rint(slices[:, 2]).astype(np.int64)
        places = places[(places >= 0) & (places < volume.shape[0])]
        for at in dict.fromkeys(
            int(each) for each in np.argsort(-np.bincount(places), kind="stable")[:3]
        ) if len(places) else ():  # fmt: skip
            plane = volume.affine.copy()
            plane[:3, 3] += plane[:3, 2] * at
            shown = nearest(mask, np.linalg.inv(affine) @ plane, volume.shape[1:])
            if shown is not None:
                return at, shown
    if finding.box is None:
        return None
    index = [
        sorted((low / spacing, high / spacing))
        for (low, high), spacing in zip(finding.box, volume.spacing, strict=True)
    ]
    first = [max(0, round(low)) for low, _ in index]
    last = [min(size - 1, round(high)) for (_, high), size in zip(index, volume.shape, strict=True)]
    if any(low > high for low, high in zip(first, last, strict=True)):
        return None
    shown = np.zeros(volume.shape[1:], dtype=np.bool_)
    shown[first[1] : last[1] + 1, first[2] : last[2] + 1] = True
    return (first[0] + last[0]) // 2, shown


def _picture(
    hu: NDArray[np.int16],
    mask: NDArray[np.bool_],
    part: tuple[slice, slice],
    spacing: tuple[float, float, float],
) -> bytes:
    low = WINDOW[0] - WINDOW[1] / 2
    grey = np.clip((hu[part].astype(np.float32) - low) / WINDOW[1], 0, 1) * 255
    # Rows of a volume run to the front and columns to the patient's right: both are turned.
    grey, inside = grey[::-1, ::-1].astype(np.uint8), mask[part][::-1, ::-1]
    tall, wide = grey.shape[0] * spacing[1], grey.shape[1] * spacing[2]
    scale = SIDE / max(tall, wide)
    size = max(1, round(wide * scale)), max(1, round(tall * scale))
    shown = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    large = np.asarray(
        Image.fromarray(inside.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    )
    ring = ndimage.binary_dilation(large > 0, iterations=2) & (large == 0)
    pixels = np.asarray(shown).copy()
    pixels[ring] = OUTLINE
    picture = Image.fromarray(pixels)
    font = ImageFont.load_default(size=26)
    ImageDraw.Draw(picture).text((8, size[1] // 2), "R", fill=LETTER, font=font, anchor="lm")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=False, compress_level=6)
    return buffer.getvalue()
