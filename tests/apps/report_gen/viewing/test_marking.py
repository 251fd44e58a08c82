"""A box drawn in the viewer lies where it was drawn, however the volume is turned."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.report_gen.findings import KINDS
from apps.report_gen.outputs.measurement_groups import surface
from apps.report_gen.report import ReportFinding
from apps.report_gen.reporting.operations import apply, drawn_on, read
from apps.report_gen.reporting.refusing import EditRefused
from apps.report_gen.schema import Grid
from apps.report_gen.viewing.marking import shown, stored
from apps.report_gen.viewing.masks import ras_of
from tests.apps.report_gen import studies
from tests.apps.report_gen.outputs.made import document, study

SHAPE, SPACING = (60, 80, 90), (5.0, 4.0, 3.0)
RAS = studies.NODULE * (-1.0, -1.0, 1.0)


def turned_grid(x: float, y: float, z: float) -> Grid:
    """A grid turned by degrees about each axis, its middle at the origin."""
    taken = studies.turned(x, y, z)
    affine = np.eye(4)
    for column, (way, mm) in enumerate(
        zip((taken.across, taken.down, np.array(taken.step) / 5.0), SPACING[::-1], strict=True)
    ):
        affine[:3, column] = np.array(way) * mm
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE[::-1]) - 1) / 2)
    return Grid.model_validate({"shape": SHAPE, "spacing": SPACING, "affine": affine.tolist()})


angles = st.floats(-10.0, 10.0)
places = st.floats(-60.0, 60.0)
lengths = st.floats(2.0, 60.0)


@settings(max_examples=60, deadline=None)
@given(st.tuples(angles, angles, angles), st.tuples(places, places, places),
       st.tuples(lengths, lengths, lengths))  # fmt: skip
def test_a_box_comes_back_from_the_grid_as_it_was_drawn(
    turns: tuple[float, float, float],
    centre: tuple[float, float, float],
    sizes: tuple[float, float, float],
) -> None:
    grid = turned_grid(*turns)
    drawn = tuple((at - size / 2, at + size / 2) for at, size in zip(centre, sizes, strict=True))
    kept = stored(grid, drawn)  # type: ignore[arg-type]
    np.testing.assert_allclose(shown(grid, kept), drawn, atol=0.05)
    middle = tuple((low + high) / 2 for low, high in kept)
    np.testing.assert_allclose(ras_of(grid, middle), centre, atol=0.05)  # type: ignore[arg-type]
    # Along the grid: the affine itself takes the stored middle there.
    voxel = [mm / step for mm, step in zip(middle, SPACING, strict=True)][::-1]
    np.testing.assert_allclose((np.array(grid.affine) @ [*voxel, 1.0])[:3], centre, atol=0.05)


def test_a_volume_on_its_side_keeps_each_length_on_its_axis() -> None:
    affine = [[0, 0, 5, -20], [3, 0, 0, -30], [0, 4, 0, -40], [0, 0, 0, 1]]
    grid = Grid.model_validate({"shape": SHAPE, "spacing": SPACING, "affine": affine})
    kept = stored(grid, ((0.0, 10.0), (0.0, 20.0), (0.0, 30.0)))
    assert [high - low for low, high in kept] == [10.0, 30.0, 20.0]


@pytest.mark.parametrize(
    "drawn",
    [
        ((0.0, float("nan")), (0.0, 1.0), (0.0, 1.0)),
        ((0.0, float("inf")), (0.0, 1.0), (0.0, 1.0)),
        ((0.0, 700.0), (0.0, 1.0), (0.0, 1.0)),
        ((500.0, 510.0), (0.0, 1.0), (0.0, 1.0)),
    ],
)
def test_what_is_no_box_in_the_volume_is_refused(drawn: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(EditRefused, match="draw it"):
        stored(turned_grid(3, 3, 3), drawn)  # type: ignore[arg-type]


def test_without_a_volume_nothing_can_be_drawn() -> None:
    edit = read({"verb": "add_finding", "kind": "mass", "drawn": ((0, 1), (0, 1), (0, 1))})
    with pytest.raises(EditRefused, match="no volume"):
        drawn_on(edit, None)


def test_a_finding_drawn_around_the_nodule_of_a_turned_study_lies_there_in_the_sr(
    tmp_path: Path,
) -> None:
    made = study(tmp_path, studies.turned(5.0, 4.0, -6.0))
    assert not made.volume.resampled
    assert abs(made.volume.affine[0, 1]) > 0.1
    grid = Grid.model_validate({
        "shape": made.volume.shape, "spacing": made.volume.spacing,
        "affine": made.volume.affine.tolist(),
    })  # fmt: skip
    drawn = [(float(at) - 15, float(at) + 15) for at in RAS]
    edit = read({"verb": "add_finding", "kind": "mass", "side": "right", "drawn": drawn})
    report = apply(document(), drawn_on(edit, lambda box: stored(grid, box)))
    found: ReportFinding = report.findings[-1]
    assert KINDS[found.kind].key == "mass"
    graphic, ends = surface(found, made.scan)
    assert graphic == "ELLIPSOID"
    np.testing.assert_allclose(ends.mean(axis=0), studies.NODULE, atol=0.05)
    # The longest ends of each axis are 30 mm apart, as it was drawn.
    for first, second in ((0, 1), (2, 3), (4, 5)):
        assert np.linalg.norm(ends[first] - ends[second]) == pytest.approx(30.0, abs=0.1)
    # What lies at the stored middle is the nodule itself.
    assert found.centre is not None
    at = tuple(round(mm / step) for mm, step in zip(found.centre, made.volume.spacing, strict=True))
    assert made.volume.hu[at] == pytest.approx(70, abs=2)
