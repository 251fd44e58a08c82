"""The table of real nodules' shapes."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from apps.report_gen.phantoms.lidc import measured
from apps.report_gen.phantoms.shapes import COLUMNS, shapes
from loupe.contract.runtime.errors import InputRefused

LIDC = Path(__file__).parents[4] / "../shared/data/lidc"


def _write(folder: Path, radius: int, waves: float = 0.0) -> None:
    """One patient with a ball of `radius` pixels of 0.5 mm, `waves` lobed, read twice."""
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    rings = []
    for reader in (1, 2):
        for step in range(-radius, radius + 1):
            edge = np.sqrt(max(radius**2 - step**2, 0)) * (1 + waves * np.cos(4 * angle))
            xy = np.stack([200 + edge * np.cos(angle), 180 + edge * np.sin(angle)], 1).round()
            rings.append((reader, 1, 0.5 * step, xy.flatten().astype(int).tolist()))
    pl.DataFrame(
        rings, schema=["annotation_id", "inclusion", "image_z_position", "xy"], orient="row"
    ).write_parquet(folder / "contours.parquet")
    names = ("subtlety", "calcification", "margin", "texture", "malignancy")
    ratings = {name: [4, 4] for name in names}
    pl.DataFrame({"id": [1, 2], "scan_id": [1, 1], **ratings}).write_parquet(
        folder / "annotations.parquet"
    )
    pl.DataFrame(
        {"id": [1], "patient_id": ["A"], "slice_thickness": [0.5], "pixel_spacing": [0.5]}
    ).write_parquet(folder / "scans.parquet")


def test_a_ball_read_twice_is_one_nodule_with_its_diameter(tmp_path: Path) -> None:
    _write(tmp_path, 20)
    (row,) = measured(tmp_path)
    told = dict(zip(COLUMNS, row, strict=False))
    assert told["diameter"] == pytest.approx(20, rel=0.04)
    assert told["longest"] == pytest.approx(20, rel=0.04)
    assert told["tall"] == pytest.approx(1, abs=0.06)
    assert told["lobed"] < 0.03


def test_a_lobed_outline_is_measured_as_lobed(tmp_path: Path) -> None:
    _write(tmp_path, 20, 0.2)
    (row,) = measured(tmp_path)
    assert dict(zip(COLUMNS, row, strict=False))["lobed"] == pytest.approx(0.2, abs=0.03)


def test_a_folder_without_the_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="contours"):
        measured(tmp_path)


def test_the_shipped_table_keeps_patients_apart_and_has_plausible_sizes() -> None:
    train, held = shapes(), shapes(held_out=True)
    assert len(train) > 1000
    assert 0.15 < len(held) / len(train) < 0.4
    sizes = np.array([one.diameter for one in train])
    assert 3 < np.percentile(sizes, 5) < 6 < np.percentile(sizes, 75) < 12


@pytest.mark.slow
@pytest.mark.skipif(not LIDC.is_dir(), reason="LIDC's tables are not beside this checkout")
def test_the_shipped_table_is_what_lidc_gives() -> None:
    rows = measured(LIDC)
    assert len(rows) == len(shapes()) + len(shapes(held_out=True))
