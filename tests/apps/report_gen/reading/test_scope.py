"""How much of which body is on a scan: what the field of view cuts off, and bodies of children."""

from pathlib import Path

import pytest

from apps.report_gen.reading.studies import gate
from apps.report_gen.reading.verdicts import SeriesVerdict
from tests.apps.report_gen.studies import Taken, series, write


def judged(folder: Path, taken: Taken, scale: float = 1.0) -> SeriesVerdict:
    """The verdict on a chest, all lengths of which are multiplied by `scale`."""
    images = series(taken)
    for image in images:
        image.PixelSpacing = [float(each) * scale for each in image.PixelSpacing]
        image.ImagePositionPatient = [
            round(float(each) * scale, 6) for each in image.ImagePositionPatient
        ]
    (found,) = gate([write(images, folder)])
    return found


def told(found: SeriesVerdict) -> dict[str, list[object]]:
    """Sides and ends that are cut off, and other codes without a place."""
    said: dict[str, list[object]] = {}
    for each in found.reasons:
        if each.severity > 0:
            said.setdefault(each.code, []).append(each.values.get("side", each.values.get("sides")))
    return said


@pytest.mark.parametrize(
    ("columns", "rows", "centre", "sides"),
    [
        (64, 64, (0, 0, 0), []),
        (58, 64, (0, 0, 0), []),  # skin at both sides
        (40, 64, (-72, 0, 0), ["left"]),
        (40, 64, (72, 0, 0), ["right"]),
        (40, 64, (0, 0, 0), ["left", "right"]),
        (64, 26, (0, 0, 0), ["back", "front"]),
        (64, 32, (0, 60, 0), ["front"]),
    ],
)
def test_a_field_of_view_that_cuts_the_chest_is_told_by_the_patients_side(
    tmp_path: Path, columns: int, rows: int, centre: tuple[float, float, float], sides: list[str]
) -> None:
    found = judged(tmp_path, Taken(columns=columns, rows=rows, centre=centre))
    assert told(found) == ({"coverage": sides} if sides else {})
    assert found.status == ("usable_with_warning" if sides else "usable")


def test_prone_and_feet_first_the_side_is_the_patients(tmp_path: Path) -> None:
    how = Taken(across=(-1, 0, 0), down=(0, -1, 0), step=(0, 0, -5), columns=40, centre=(-72, 0, 0))
    assert told(judged(tmp_path, how)) == {"coverage": ["left"]}


def test_a_field_of_view_of_the_heart_alone_is_refused_as_a_part(tmp_path: Path) -> None:
    found = judged(tmp_path, Taken(columns=24, rows=24, centre=(30, -20, 0)))
    assert found.status == "refused"
    assert [each.code for each in found.reasons] == ["coverage"]
    assert "a part of the chest only" in found.reasons[0].text.en
    assert "仅含胸部的一部分" in found.reasons[0].text.zh


@pytest.mark.parametrize(
    ("scale", "status"), [(0.8, "usable"), (0.6, "usable_with_warning"), (0.45, "refused")]
)
def test_a_body_like_a_childs_is_told(tmp_path: Path, scale: float, status: str) -> None:
    found = judged(tmp_path, Taken(), scale)
    assert found.status == status
    assert set(told(found)) == (set() if status == "usable" else {"small_body"})


def test_lung_bases_are_no_small_body(tmp_path: Path) -> None:
    found = judged(tmp_path, Taken(count=40, centre=(0, 0, -190)), 0.6)
    assert set(told(found)) <= {"coverage", "body_part"}
    assert found.status == "refused"
