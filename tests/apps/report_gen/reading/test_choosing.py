"""Of the series that a hospital sends together, the right one is read, and each is told why."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import generate_uid

from apps.report_gen.reading.studies import Study, gate, read_study
from tests.apps.report_gen.studies import Taken, series, write

CORONAL: dict[str, Any] = {"across": (1, 0, 0), "down": (0, 0, -1)}
SAGITTAL: dict[str, Any] = {"across": (0, 1, 0), "down": (0, 0, -1)}


def taken(**changed: Any) -> Taken:
    kind = changed.pop("kind", ("ORIGINAL", "PRIMARY", "AXIAL"))
    extra = {"ImageType": list(kind), **changed.pop("extra", {})}
    return Taken(**changed, extra=extra)


def study(folder: Path, *which: Taken) -> Study:
    uid = generate_uid()
    for number, each in enumerate(which, start=1):
        write(series(each, number, uid), folder / str(number))
    found = read_study([folder])
    both = {each.series.number for each in gate([folder]) if each.chosen}
    assert found.chosen is not None
    assert both == {found.chosen.series.number}, "the gate alone chooses the same"
    return found


def told(found: Study) -> dict[int | None, str]:
    """The reason that came last, by the number of the series."""
    return {each.series.number: each.reasons[-1].text.en for each in found.verdicts}


SCOUT = taken(count=2, **CORONAL, step=(0, 5, 0), kind=("ORIGINAL", "PRIMARY", "LOCALIZER"))
THICK = taken(kernel="Br40")
MADE = [
    taken(count=60, **CORONAL, step=(0, 4, 0), spacing=(4.0, 6.0), kind=("DERIVED", "MPR")),
    taken(count=96, **SAGITTAL, step=(4, 0, 0), spacing=(4.0, 6.0)),
    taken(count=80, step=(0, 0, 3), kind=("DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 MIP")),
    taken(count=100, step=(0, 0, 2.5), extra={"SliceThickness": 10.0}),
]


def test_thick_axial_slices_go_before_what_was_made_of_thinner_ones(tmp_path: Path) -> None:
    found = study(tmp_path, SCOUT, THICK, *MADE)
    assert told(found) == {
        1: "The series holds localizer images only; a stack of slices is needed.",
        2: "Chosen: its slices are thinner.",
        3: "Not chosen: its slices are reformatted ones.",
        4: "Not chosen: its slices are reformatted ones.",
        5: "The images are projections (MIP), not slices as the scanner reconstructed them. Send "
        "the original series.",
        6: "Not chosen: its slices are thicker.",
    }


def test_thin_axial_slices_go_before_thick_ones(tmp_path: Path) -> None:
    thin = taken(count=134, step=(0, 0, 1.875), kernel="Br60")
    assert told(study(tmp_path, THICK, thin))[2] == "Chosen: its slices are thinner."


@pytest.mark.parametrize(
    "part",
    [
        taken(count=150, step=(0, 0, 1)),
        taken(count=150, step=(0, 0, 1), centre=(0, 0, -40)),
    ],
)
def test_the_whole_chest_goes_before_thin_slices_of_a_part(tmp_path: Path, part: Taken) -> None:
    found = told(study(tmp_path, part, THICK))
    assert found == {
        1: "Not chosen: it shows less of the lungs.",
        2: "Chosen: it shows more of the lungs.",
    }


def test_where_every_series_is_cut_off_the_thinner_is_read(tmp_path: Path) -> None:
    thin = taken(count=150, step=(0, 0, 1))
    thick = taken(count=30, step=(0, 0, 5))
    assert told(study(tmp_path, thick, thin))[2] == "Chosen: its slices are thinner."
