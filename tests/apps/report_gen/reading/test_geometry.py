"""Whatever way the images were taken, the volume lies right; what cannot is refused by name."""

import math
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from apps.report_gen.reading.studies import Study, gate, read_study
from apps.report_gen.reading.verdicts import SeriesVerdict
from apps.report_gen.volume import AIR
from tests.apps.report_gen.studies import NODULE, Taken, enhanced, series, truth, write

AXES = np.eye(3)
ORIENTATIONS = [
    (axes, signs) for axes in permutations(range(3)) for signs in product((1, -1), repeat=3)
]


def read(images: list[FileDataset], folder: Path) -> Study:
    return read_study([write(images, folder)])


def verdict(images: list[FileDataset], folder: Path) -> SeriesVerdict:
    return read(images, folder).verdicts[0]


def codes(found: SeriesVerdict) -> set[str]:
    return {each.code for each in found.reasons}


def wrong_by(study: Study) -> float:
    """Mean difference to the truth where the chest was sampled, HU."""
    assert study.volume is not None
    known = study.volume.hu > AIR
    return float(np.abs(study.volume.hu - truth(study.volume))[known].mean())


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(ORIENTATIONS))
def test_every_flip_and_every_plane_gives_the_same_patient(
    tmp_path_factory: pytest.TempPathFactory, taken: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    axes, signs = taken
    across, down, step = (AXES[axis] * sign for axis, sign in zip(axes, signs, strict=True))
    how = Taken(
        count=54, rows=60, columns=62, spacing=(6.0, 6.0),
        across=tuple(across), down=tuple(down), step=tuple(step * 5.4),
    )  # fmt: skip
    study = read(series(how), tmp_path_factory.mktemp("flip"))
    assert study.volume is not None
    np.testing.assert_array_equal(study.volume.hu, truth(study.volume))
    assert (np.diag(study.volume.affine)[:3] > 0).all()


@pytest.mark.parametrize(
    ("position", "across", "down", "step"),
    [
        ("HFS", (1, 0, 0), (0, 1, 0), (0, 0, 5)),
        ("HFP", (-1, 0, 0), (0, -1, 0), (0, 0, 5)),
        ("FFS", (1, 0, 0), (0, 1, 0), (0, 0, -5)),
        ("FFP", (-1, 0, 0), (0, -1, 0), (0, 0, -5)),
        ("HFDR", (0, -1, 0), (1, 0, 0), (0, 0, 5)),
    ],
)
def test_the_right_lung_stays_right(
    tmp_path: Path, position: str, across: tuple, down: tuple, step: tuple
) -> None:
    how = Taken(across=across, down=down, step=step, position=position)
    volume = read(series(how), tmp_path).volume
    assert volume is not None
    place = volume.from_patient(NODULE * [-1, -1, 1])
    assert place[2] > volume.shape[2] / 2, "columns run to the patient's right"
    assert volume.hu[tuple(np.rint(place).astype(int))] == 70


def test_tilt_is_found_by_vectors_and_straightened(tmp_path: Path) -> None:
    turn = math.radians(15)
    how = Taken(
        down=(0, math.cos(turn), -math.sin(turn)), count=80, rows=128, columns=64,
        step=(0.0, 0.0, 3.0), spacing=(3.0, 6.0), extra={"GantryDetectorTilt": 0},
    )  # fmt: skip
    study = read(series(how), tmp_path)
    found = study.verdicts[0]
    assert found.status == "usable_with_warning"
    tilt = next(each for each in found.reasons if each.code == "gantry_tilt")
    assert tilt.values["degrees"] == pytest.approx(15, abs=0.01)
    assert study.volume is not None
    assert study.volume.resampled
    assert wrong_by(study) < 25


def test_a_tilt_tag_without_tilt_is_no_tilt(tmp_path: Path) -> None:
    found = verdict(series(Taken(extra={"GantryDetectorTilt": 18.5})), tmp_path)
    assert found.status == "usable"


def test_too_much_tilt_is_refused(tmp_path: Path) -> None:
    turn = math.radians(40)
    found = verdict(series(Taken(down=(0, math.cos(turn), -math.sin(turn)))), tmp_path)
    assert found.status == "refused"
    assert codes(found) == {"gantry_tilt"}


def test_oblique_planes_are_straightened(tmp_path: Path) -> None:
    turn = math.radians(20)
    how = Taken(
        across=(math.cos(turn), math.sin(turn), 0), down=(-math.sin(turn), math.cos(turn), 0),
        rows=128, columns=128, spacing=(3.0, 3.0),
    )  # fmt: skip
    study = read(series(how), tmp_path)
    assert codes(study.verdicts[0]) == {"oblique", "chosen"}
    assert wrong_by(study) < 20


def test_a_missing_thin_slice_is_filled_with_a_warning(tmp_path: Path) -> None:
    places = [at for at in range(101) if at != 50]
    study = read(series(Taken(step=(0, 0, 2.5), count=100, places=places)), tmp_path)
    assert study.verdicts[0].status == "usable_with_warning"
    assert "non_uniform_spacing" in codes(study.verdicts[0])
    assert study.volume is not None
    assert study.volume.shape[0] == 101
    assert len(study.volume.sources) == 100
    assert wrong_by(study) < 1


def test_a_missing_thick_slice_is_refused_with_its_gap(tmp_path: Path) -> None:
    places = [at for at in range(51) if at != 25]
    found = verdict(series(Taken(places=places)), tmp_path)
    assert found.status == "refused"
    missing = next(each for each in found.reasons if each.code == "missing_slices")
    assert missing.values["largest"] == pytest.approx(10)
    assert missing.values["count"] == 1


def test_slices_that_drift_are_put_on_an_even_grid(tmp_path: Path) -> None:
    places = [at + (at / 60) ** 3 * 4 for at in range(60)]
    study = read(series(Taken(step=(0, 0, 4.0), count=60, places=places)), tmp_path)
    assert "non_uniform_spacing" in codes(study.verdicts[0])
    assert wrong_by(study) < 30


def test_slices_far_apart_are_refused(tmp_path: Path) -> None:
    found = verdict(series(Taken(count=25, step=(0, 0, 12.0))), tmp_path)
    assert codes(found) == {"slices_too_far_apart"}


def test_a_few_doubled_slices_are_used_once(tmp_path: Path) -> None:
    places = sorted([*range(50), 10, 20])
    study = read(series(Taken(count=52, places=places)), tmp_path)
    assert codes(study.verdicts[0]) == {"doubled_slices", "chosen"}
    assert study.volume is not None
    assert study.volume.shape[0] == 50


def test_two_acquisitions_in_one_series_are_told_apart(tmp_path: Path) -> None:
    first = series(Taken(extra={"AcquisitionNumber": 1}))
    second = series(Taken(extra={"AcquisitionNumber": 2}))
    for image in second:
        image.StudyInstanceUID = first[0].StudyInstanceUID
        image.SeriesInstanceUID = first[0].SeriesInstanceUID
        image.FrameOfReferenceUID = first[0].FrameOfReferenceUID
    study = read([*second, *first], tmp_path)
    assert study.verdicts[0].status == "usable_with_warning"
    assert study.volume is not None
    used = {each.sop_instance_uid for each in study.volume.sources}
    assert used == {image.SOPInstanceUID for image in first}


def test_doubles_nobody_can_tell_apart_are_refused(tmp_path: Path) -> None:
    first, second = series(), series()
    for image in second:
        image.StudyInstanceUID = first[0].StudyInstanceUID
        image.SeriesInstanceUID = first[0].SeriesInstanceUID
        image.FrameOfReferenceUID = first[0].FrameOfReferenceUID
    found = verdict([*first, *second], tmp_path)
    assert (found.status, codes(found)) == ("refused", {"doubled_slices"})


def test_a_file_that_came_twice_counts_once(tmp_path: Path) -> None:
    images = series()
    write(images, tmp_path)
    write(images[:5], tmp_path, "again")
    study = read_study([tmp_path])
    assert study.verdicts[0].status == "usable"
    assert "repeated_file" in codes(study.verdicts[0])


def test_one_uid_with_two_contents_is_refused(tmp_path: Path) -> None:
    images = series()
    images[7].SOPInstanceUID = images[8].SOPInstanceUID
    images[7].file_meta.MediaStorageSOPInstanceUID = images[8].SOPInstanceUID
    found = verdict(images, tmp_path)
    assert codes(found) == {"same_uid_different_pixels"}


def test_localizers_inside_a_series_are_set_aside(tmp_path: Path) -> None:
    images = series()
    scout = series(Taken(count=2, across=(1, 0, 0), down=(0, 0, -1), step=(0, 5, 0)))
    for image in scout:
        image.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        image.SeriesInstanceUID = images[0].SeriesInstanceUID
        image.StudyInstanceUID = images[0].StudyInstanceUID
    found = verdict([*images, *scout], tmp_path)
    assert (found.status, codes(found)) == ("usable", {"localizer", "chosen"})


def test_a_series_of_localizers_is_refused(tmp_path: Path) -> None:
    scout = series(Taken(count=2, extra={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}))
    assert codes(verdict(scout, tmp_path)) == {"localizer"}


@pytest.mark.parametrize(("strays", "status"), [(4, "usable_with_warning"), (40, "refused")])
def test_other_planes_in_a_series_are_set_aside_or_refused(
    tmp_path: Path, strays: int, status: str
) -> None:
    images = series()
    others = series(Taken(count=strays, across=(1, 0, 0), down=(0, 0, -1), step=(0, 5, 0)))
    for image in others:
        image.SeriesInstanceUID = images[0].SeriesInstanceUID
        image.StudyInstanceUID = images[0].StudyInstanceUID
    found = verdict([*images, *others], tmp_path)
    assert found.status == status
    assert "mixed_orientations" in codes(found)


def test_positions_off_the_line_are_refused(tmp_path: Path) -> None:
    images = series()
    x, y, z = images[20].ImagePositionPatient
    images[20].ImagePositionPatient = [x + 8, y, z]
    assert codes(verdict(images, tmp_path)) == {"scattered_positions"}


@pytest.mark.parametrize("count", [1, 2, 9])
def test_a_few_slices_are_no_volume(tmp_path: Path, count: int) -> None:
    assert codes(verdict(series(Taken(count=count)), tmp_path)) == {"too_few_slices"}


def test_enhanced_ct_reads_as_its_frames_say(tmp_path: Path) -> None:
    study = read([enhanced()], tmp_path)
    assert study.verdicts[0].status == "usable"
    assert study.volume is not None
    np.testing.assert_array_equal(study.volume.hu, truth(study.volume))
    assert [each.frame for each in study.volume.sources] == list(range(1, 51))


def test_frames_without_places_are_refused(tmp_path: Path) -> None:
    image = enhanced()
    del image.PerFrameFunctionalGroupsSequence
    assert codes(verdict([image], tmp_path)) == {"multi_frame"}


def test_the_way_back_to_each_image_is_kept(tmp_path: Path) -> None:
    images = series()
    volume = read(images, tmp_path).volume
    assert volume is not None
    assert volume.source_grid is not None
    for at in (0, 24, 49):
        corner = volume.source_grid.affine @ [0, 0, at, 1]
        np.testing.assert_allclose(corner[:3] * [-1, -1, 1], images[at].ImagePositionPatient)
        assert volume.sources[at].sop_instance_uid == images[at].SOPInstanceUID


def test_the_softer_of_two_kernels_is_chosen_with_the_reason(tmp_path: Path) -> None:
    study_uid = generate_uid()
    sharp = series(Taken(kernel="B70f"), 1, study_uid)
    soft = series(Taken(kernel="B30f"), 2, study_uid)
    study = read([*sharp, *soft], tmp_path)
    assert study.chosen is not None
    assert study.chosen.series.facts.kernel == "B30f"
    reasons = {each.series.facts.kernel: each.reasons[-1] for each in study.verdicts}
    assert "softer" in reasons["B30f"].text.en
    assert reasons["B70f"].code == "not_chosen"
    assert "更锐利" in reasons["B70f"].text.zh


def test_geometry_goes_before_the_kernel(tmp_path: Path) -> None:
    study_uid = generate_uid()
    turn = math.radians(15)
    tilted = series(Taken(kernel="B20f", down=(0, math.cos(turn), -math.sin(turn))), 1, study_uid)
    straight = series(Taken(kernel="B80f"), 2, study_uid)
    study = read([*tilted, *straight], tmp_path)
    assert study.chosen is not None
    assert study.chosen.series.facts.kernel == "B80f"


def test_images_of_two_frames_of_reference_are_not_one_volume(tmp_path: Path) -> None:
    images = series()
    for image in images[:5]:
        image.FrameOfReferenceUID = "1.2.3.4"
    kept = verdict(images, tmp_path / "few")
    assert (kept.status, kept.shape) == ("usable_with_warning", (45, 64, 64))
    assert "mixed_frames_of_reference" in codes(kept)
    for image in images[5:25]:
        image.FrameOfReferenceUID = "1.2.3.4"
    assert codes(verdict(images, tmp_path / "half")) == {"mixed_frames_of_reference"}


def test_images_that_do_not_say_their_frame_of_reference_are_kept(tmp_path: Path) -> None:
    images = series()
    for image in images[:40]:
        del image.FrameOfReferenceUID
    assert verdict(images, tmp_path).status == "usable"


def test_slices_of_two_patients_are_not_one_volume(tmp_path: Path) -> None:
    images = series()
    for image in images[::2]:
        image.PatientID = "MRN-0815"
    found = verdict(images, tmp_path)
    assert (found.status, codes(found)) == ("refused", {"mixed_patients"})
    assert "MRN" not in str(found.as_json())


def test_a_study_whose_series_are_about_two_patients_is_refused(tmp_path: Path) -> None:
    first = series(Taken(kernel="B30f"))
    second = series(Taken(kernel="B70f"), study=first[0].StudyInstanceUID)
    write(first, tmp_path, "a")
    for image in second:
        image.PatientID = " mrn-4711 "  # the same, as another machine writes it
    write(second, tmp_path / "same", "b")
    assert {each.status for each in gate([tmp_path])} == {"usable"}
    for image in second:
        image.PatientID = "MRN-0815"
    write(second, tmp_path / "same", "b")
    found = gate([tmp_path])
    assert [codes(each) for each in found] == [{"mixed_patients"}] * 2
    assert read_study([tmp_path]).volume is None
