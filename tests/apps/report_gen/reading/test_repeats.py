"""Of several scans of the same positions in one series, one is read whole and told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence

from apps.report_gen.reading.studies import read_study
from tests.apps.report_gen.studies import Taken, enhanced, put_pixels, series, truth, write

MARK = 7
"""HU by which every scan but the one that is to be read is brighter."""


def scans(*which: Taken) -> list[list[FileDataset]]:
    """Scans of one series, in the same place of the patient."""
    made = [series(each) for each in which]
    for each in made[1:]:
        for image in each:
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
                setattr(image, keyword, getattr(made[0][0], keyword))
    return made


def brighter(images: list[FileDataset]) -> None:
    for image in images:
        stored = np.frombuffer(image.PixelData, "<u2").reshape(image.Rows, image.Columns)
        put_pixels(image, stored.astype(int) + MARK)


def numbered(one: list[FileDataset], other: list[FileDataset], *, block: bool) -> None:
    for at, (first, second) in enumerate(zip(one, other, strict=True)):
        first.InstanceNumber = at + 1 if block else 2 * at + 1
        second.InstanceNumber = len(one) + at + 1 if block else 2 * at + 2


def phases(keyword: str) -> Callable[[list[FileDataset], list[FileDataset]], None]:
    def put(one: list[FileDataset], other: list[FileDataset]) -> None:
        for image in one:
            setattr(image, keyword, 1)
        for image in other:
            setattr(image, keyword, 75)

    return put


@pytest.mark.parametrize(
    ("tell_apart", "said"),
    [
        (phases("AcquisitionNumber"), "by their acquisition number; the one of 1"),
        (phases("TemporalPositionIdentifier"), "by their phase; the one of 1"),
        (phases("NominalPercentageOfCardiacPhase"), "by their phase; the one of 1"),
        (phases("TriggerTime"), "by their phase; the one of 1"),
        (lambda one, other: numbered(one, other, block=True), "the one of 1 to 50"),
        (lambda one, other: numbered(one, other, block=False), "images numbered 1 at their"),
    ],
)
def test_the_first_of_two_scans_is_read(
    tmp_path: Path, tell_apart: Callable[[Any, Any], None], said: str
) -> None:
    first, second = scans(Taken(), Taken())
    tell_apart(first, second)
    brighter(second)
    study = read_study([write([*second, *first], tmp_path)])
    (reason,) = [each for each in study.verdicts[0].reasons if each.code == "doubled_slices"]
    assert said in reason.text.en
    assert "2 组" in reason.text.zh
    assert study.volume is not None
    np.testing.assert_array_equal(study.volume.hu, truth(study.volume))


def test_the_softer_of_two_kernels_in_one_series_is_read(tmp_path: Path) -> None:
    sharp, soft = scans(Taken(kernel="B70f"), Taken(kernel="B30f"))
    brighter(sharp)
    study = read_study([write([*sharp, *soft], tmp_path)])
    assert study.volume is not None
    assert study.volume.series.facts.kernel == "B30f"
    np.testing.assert_array_equal(study.volume.hu, truth(study.volume))


def test_scans_between_each_others_slices_are_not_mixed(tmp_path: Path) -> None:
    first, second = scans(
        Taken(extra={"AcquisitionNumber": 1}),
        Taken(centre=(0, 0, 2), extra={"AcquisitionNumber": 2}),
    )
    brighter(second)
    study = read_study([write([*second, *first], tmp_path)])
    assert study.volume is not None
    assert study.volume.shape[0] == 50
    np.testing.assert_array_equal(study.volume.hu, truth(study.volume))


def test_the_longer_of_two_scans_is_read(tmp_path: Path) -> None:
    short, whole = scans(
        Taken(count=30, centre=(0, 0, 20), extra={"AcquisitionNumber": 1}),
        Taken(extra={"AcquisitionNumber": 2}),
    )
    study = read_study([write([*short, *whole], tmp_path)])
    assert study.volume is not None
    assert study.volume.shape[0] == 50


def test_acquisitions_one_after_another_are_one_scan(tmp_path: Path) -> None:
    images = series()
    for at, image in enumerate(images):
        image.AcquisitionNumber = 1 + at // 25
    study = read_study([write(images, tmp_path)])
    assert study.verdicts[0].status == "usable"
    assert study.verdicts[0].shape == (50, 64, 64)


@pytest.mark.parametrize("index", [True, False])
def test_phases_in_one_enhanced_ct_are_told_apart(tmp_path: Path, index: bool) -> None:
    image = enhanced()
    frames = list(image.PerFrameFunctionalGroupsSequence)
    both = []
    for phase in (1, 2):
        for frame in frames:
            copied = Dataset()
            copied.PlanePositionSequence = frame.PlanePositionSequence
            if index:
                content = Dataset()
                content.TemporalPositionIndex = phase
                copied.FrameContentSequence = DicomSequence([content])
            both.append(copied)
    image.PerFrameFunctionalGroupsSequence = DicomSequence(both)
    image.NumberOfFrames = 100
    stored = np.frombuffer(image.PixelData, "<u2")
    image.PixelData = stored.tobytes() + (stored + MARK).tobytes()
    study = read_study([write([image], tmp_path)])
    assert study.volume is not None
    assert [each.frame for each in study.volume.sources] == list(range(1, 51))
    np.testing.assert_array_equal(study.volume.hu, truth(study.volume))


@pytest.mark.parametrize("spacing", [0.625, 1.25])
def test_positions_rounded_to_a_tenth_are_even(tmp_path: Path, spacing: float) -> None:
    images = series(Taken(count=round(250 / spacing), step=(0, 0, spacing)))
    for image in images:
        x, y, z = image.ImagePositionPatient
        image.ImagePositionPatient = [x, y, round(float(z), 1)]
    study = read_study([write(images, tmp_path)])
    assert study.verdicts[0].status == "usable"
    assert study.volume is not None
    assert study.volume.spacing[0] == pytest.approx(spacing, rel=1e-3)
    assert not study.volume.resampled
