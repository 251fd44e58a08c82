"""Lesions that a scan is known to have, from a CSV of boxes on its images.

One row is a box on one slice, in pixels of the image as it was sent. Columns: ``sop_uid`` and
``xmin,ymin,xmax,ymax``; for NIfTI, which has no instances, ``volume`` (the file's name begins with
it), ``slice_index_ascending_z`` and ``width_mm`` with the images lying as scanners send them.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from apps.report_gen.bridge.placing import Box
from apps.report_gen.volume import Volume
from loupe.contract.runtime.errors import InputRefused

PIXELS: Final = ("xmin", "ymin", "xmax", "ymax")
MARGIN_MM: Final = 5.0
"""A box drawn on slices is somewhat wider than told along z, and so is what is left out."""
MOST_ROWS: Final = 100_000
Row = Mapping[str, str]


def read_boxes(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV.

    Raises:
        InputRefused: it cannot be read, lacks a column, or a number is none; names the line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputRefused(f"{path} cannot be read as a CSV: {error}.", code="boxes") from error
    missing = [name for name in PIXELS if not rows or name not in rows[0]]
    if missing or len(rows) > MOST_ROWS:
        raise InputRefused(
            f"{path} has {len(rows)} rows and lacks {', '.join(missing) or 'no column'}; a table "
            f"of boxes has {', '.join(PIXELS)} and 1 to {MOST_ROWS} rows.",
            code="boxes",
        )
    for line, row in enumerate(rows, 2):
        for name in PIXELS:
            if not _is_number(row[name]):
                raise InputRefused(
                    f"{path}, line {line}: {name} is {row[name]!r}, a number is needed.",
                    code="boxes",
                )
    return rows


def known_boxes(volume: Volume, name: str, rows: list[dict[str, str]]) -> list[Box]:
    """Where the lesions of a volume lie, one box a slice, each somewhat enlarged.

    Args:
        name: of the file, for rows that tell the volume by its name.
    """
    by_uid = {each.sop_instance_uid: at for at, each in enumerate(volume.sources)}
    grid = volume.source_grid
    if grid is not None and any(row.get("sop_uid", "") in by_uid for row in rows):
        return [
            _sent(volume, by_uid[row["sop_uid"]], row, grid.affine)
            for row in rows
            if row.get("sop_uid", "") in by_uid
        ]
    return [
        _named(volume, row)
        for row in rows
        if row.get("volume") and name.startswith(row["volume"]) and row.get("width_mm")
    ]


def _sent(volume: Volume, image: int, row: Row, affine: np.ndarray) -> Box:
    corners = np.array(
        [
            [float(row[x]), float(row[y]), float(image), 1.0]
            for x in ("xmin", "xmax")
            for y in ("ymin", "ymax")
        ]
    )
    patient = (corners @ affine.T)[:, :3]
    return _box(volume.from_patient(patient) * np.asarray(volume.spacing))


def _named(volume: Volume, row: Row) -> Box:
    """Columns of a standard image run to the patient's left and rows to the back."""
    x0, y0, x1, y1 = (float(row[name]) for name in PIXELS)
    pixel = float(row["width_mm"]) / max(1.0, x1 - x0)
    z = float(row["slice_index_ascending_z"]) * volume.spacing[0]
    high = [count * step for count, step in zip(volume.shape, volume.spacing, strict=True)]
    points = np.array(
        [[z, high[1] - y * pixel, high[2] - x * pixel] for x in (x0, x1) for y in (y0, y1)]
    )
    return _box(points)


def _box(points: np.ndarray) -> Box:
    low, high = points.min(0) - MARGIN_MM, points.max(0) + MARGIN_MM
    (z0, y0, x0), (z1, y1, x1) = low.tolist(), high.tolist()
    return (z0, z1), (y0, y1), (x0, x1)


def _is_number(text: str | None) -> bool:
    try:
        return bool(np.isfinite(float(text or "")))
    except ValueError:
        return False
