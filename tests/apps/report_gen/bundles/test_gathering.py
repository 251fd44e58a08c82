"""`manage.py predict` finds studies among paths, and says of each why it is refused."""

import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet
from pydicom.uid import MRImageStorage

from apps.report_gen.bundles.gathering import gather
from apps.report_gen.bundles.opening import is_bundle, manifest_of
from apps.report_gen.steps.read import read
from loupe.blobs.sniff.content import media_type
from loupe.contract.receiving import GatheredItem, NotTaken
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen.studies import Taken, series, write

pytestmark = pytest.mark.slow


def _folder(folder: Path, study: str, **changed: object) -> Path:
    images = series(Taken(count=12, rows=16, columns=16, spacing=(24.0, 24.0)), study=study)
    for image in images:
        for key, value in changed.items():
            setattr(image, key, value)
    return write(images, folder)


def _codes(item: GatheredItem) -> set[str]:
    payload = read(item.path, {})
    assert payload.meta["status"] == "refused"
    return {str(each["code"]) for each in payload.meta["reasons"]}  # type: ignore[index,union-attr,call-overload]


def test_folders_zips_and_files_become_one_item_a_study(tmp_path: Path) -> None:
    _folder(tmp_path / "one", "1.2.3.1")
    _folder(tmp_path / "two", "1.2.3.2")
    archive = tmp_path / "two.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for path in (tmp_path / "two").iterdir():
            made.write(path, path.name)
    with gather([tmp_path / "one", archive]) as items:
        found = []
        for item in items:
            assert isinstance(item, GatheredItem)
            assert is_bundle(item.path)
            assert media_type(item.path) == "application/vnd.loupe.study+zip"
            found.append((item.name, manifest_of(item.path).images))
    assert found == [("one", 12), ("two.zip", 12)]


def test_a_bundle_is_read_as_its_files_are(tmp_path: Path) -> None:
    """The analytic chest is the oracle: the same volume with and without names."""
    images = series(Taken(count=50))
    folder = write(images, tmp_path / "in")
    with gather([folder]) as items:
        (item,) = [read(each.path, {}) for each in items if isinstance(each, GatheredItem)]
    archive = tmp_path / "raw.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for path in folder.iterdir():
            made.write(path, path.name)
    raw = read(archive, {})
    assert item.meta["status"] == raw.meta["status"] == "drafted"
    assert np.array_equal(item.arrays["hu"], raw.arrays["hu"])
    assert item.meta["volume"] == raw.meta["volume"]
    assert item.meta["study_uid"] != raw.meta["study_uid"]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"%PDF-1.7 a letter", "not_an_image"), (b"\0" * 128 + b"DICM" + b"\xff" * 50, "damaged")],
)
def test_what_is_no_study_is_a_refused_result_with_a_code(
    content: bytes, code: str, tmp_path: Path
) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content)
    with gather([path]) as items:
        (codes,) = [_codes(each) for each in items if isinstance(each, GatheredItem)]
    assert codes & {code, "no_images", "missing_tag"}


def test_zip_of_zips_one_slice_and_other_modalities_are_refused_by_code(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner.zip", tmp_path / "outer.zip"
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr("a", b"x")
    with zipfile.ZipFile(outer, "w") as made:
        made.write(inner, "inner.zip")
    one = write(series(Taken(count=1)), tmp_path / "one")
    pet = _folder(
        tmp_path / "pet", "1.2.9", Modality="PT", SOPClassUID="1.2.840.10008.5.1.4.1.1.128"
    )
    told = {}
    for path in (outer, one, pet):
        with gather([path]) as items:
            for item in items:
                if isinstance(item, GatheredItem):
                    told[path.name] = _codes(item)
    assert "nested_archive" in told["outer.zip"]
    assert "too_few_slices" in told["one"]
    assert {"modality", "out_of_scope"} & told["pet"]


def test_a_broken_file_beside_a_study_is_said_and_the_study_goes_on(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "in", "1.2.3.1")
    (folder / "letter.txt").write_text("a letter")
    with gather([folder]) as items:
        kinds = [type(each) for each in items]
    assert kinds == [GatheredItem, NotTaken]


def test_each_file_of_several_is_told_its_own_reasons_under_its_own_name(tmp_path: Path) -> None:
    def nifti(name: str, depth: int) -> Path:
        affine = np.diag([-6.0, -6.0, 5.0, 1.0])
        path = tmp_path / f"{name}.nii"
        nibabel.Nifti1Image(np.zeros((16, 16, depth), np.int16), affine).to_filename(path)
        return path

    paths = [nifti("thin", 3), nifti("Muster_Erika", 16), nifti("four", 16)]
    paths[1].write_bytes(paths[1].read_bytes()[:2_000])
    values = np.zeros((16, 16, 16, 2), np.int16)
    nibabel.Nifti1Image(values, np.diag([-6.0, -6.0, 5.0, 1.0])).to_filename(paths[2])
    told = {}
    with gather(paths) as items:
        for item in items:
            assert isinstance(item, GatheredItem)
            told[item.name] = _codes(item)
            assert "Muster" not in manifest_of(item.path).model_dump_json()
    assert told == {
        "thin.nii": {"too_few_slices"},
        "Muster_Erika.nii": {"truncated_pixels"},
        "four.nii": {"four_dimensional"},
    }


def test_files_of_one_name_in_two_folders_stay_with_their_own_patients(tmp_path: Path) -> None:
    first, second = series(Taken(count=50)), series(Taken(count=50, centre=(0.0, 0.0, 8.0)))
    for image in second:
        image.PatientID = "MRN-0815"
    folders = [write(first, tmp_path / "a"), write(second, tmp_path / "b")]
    with gather([path for folder in folders for path in sorted(folder.iterdir())]) as items:
        found = [read(each.path, {}) for each in items if isinstance(each, GatheredItem)]
    assert [each.meta["status"] for each in found] == ["drafted"] * 2
    bottoms = [each.meta["volume"]["affine"][2][3] for each in found]  # type: ignore[index,call-overload]
    assert bottoms == [-122.5, -114.5]


def test_images_of_no_study_are_one_study_where_no_other_image_names_one(tmp_path: Path) -> None:
    folder = write(series(Taken(count=50, extra={"StudyInstanceUID": ""})), tmp_path / "in")
    affine = np.diag([-6.0, -6.0, 5.0, 1.0])
    nibabel.Nifti1Image(np.zeros((16, 16, 3), np.int16), affine).to_filename(folder / "v.nii")
    with gather([folder]) as items:
        found = [read(item.path, {}).meta["status"] for item in items]  # type: ignore[union-attr]
    assert sorted(map(str, found)) == ["drafted", "refused"]
    write(series(Taken(count=12)), folder, prefix="other")
    with gather([folder]) as items:
        left_out = [item.code for item in items if isinstance(item, NotTaken)]
    assert left_out == ["missing_tag"] * 50


def test_studies_of_one_zip_are_told_apart_by_their_uids(tmp_path: Path) -> None:
    archive = tmp_path / "two.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for number in ("1", "2"):
            for path in _folder(tmp_path / number, f"1.2.3.{number}").iterdir():
                made.write(path, f"{number}/{path.name}")
    with gather([archive]) as items:
        found = [(each.name, manifest_of(each.path)) for each in items]  # type: ignore[union-attr]
    assert [name for name, _ in found] == [
        f"two.zip · {manifest.study_uid[-12:]}" for _, manifest in found
    ]
    assert len({name for name, _ in found}) == 2


def test_a_study_that_may_not_go_on_says_why_and_names_no_file(tmp_path: Path) -> None:
    chest = series(Taken(count=50, extra={"BurnedInAnnotation": "YES"}))
    burned = write(chest, tmp_path / "burned")
    modality = _folder(tmp_path / "mr", "1.2.3.2", Modality="MR", SOPClassUID=MRImageStorage)
    (damaged,) = (each for each in sorted(modality.iterdir())[:1])
    damaged.rename(modality / "Muster_Erika")
    found = {}
    for folder in (burned, modality):
        with gather([folder]) as items:
            for item in items:
                assert isinstance(item, GatheredItem)
                found[item.name] = _codes(item)
                assert "Muster" not in manifest_of(item.path).model_dump_json()
    assert found["burned"] == {"not_deidentified"}
    assert {"modality", "out_of_scope"} & found["mr"]


def test_an_object_that_only_its_header_calls_by_name_is_read(tmp_path: Path) -> None:
    folder = write(series(Taken(count=50)), tmp_path / "in")
    for path in folder.iterdir():
        image = dcmread(path)
        del image.SOPInstanceUID
        image.save_as(path, enforce_file_format=False)
    with gather([folder]) as items:
        (manifest,) = [manifest_of(each.path) for each in items if isinstance(each, GatheredItem)]
    assert (manifest.images, manifest.problems) == (50, ())
    for path in folder.iterdir():
        image = dcmread(path)
        del image.file_meta.MediaStorageSOPInstanceUID
        image.save_as(path, enforce_file_format=False)
    with gather([folder]) as items:
        (told,) = [_codes(each) for each in items if isinstance(each, GatheredItem)]
    assert told == {"missing_tag"}


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="There is nothing at"), gather([tmp_path / "no"]):
        pass


def test_the_index_of_a_disc_is_passed_over_in_silence(tmp_path: Path) -> None:
    disc = FileSet()
    for image in series(Taken(count=12, rows=16, columns=16, spacing=(24.0, 24.0))):
        image.PatientID, image.StudyID = "1", "1"
        image.StudyDate, image.StudyTime, image.AccessionNumber = "20200101", "120000", "1"
        disc.add(image)
    disc.write(tmp_path / "disc")
    assert (tmp_path / "disc" / "DICOMDIR").is_file()
    with gather([tmp_path / "disc"]) as items:
        found = []
        for item in items:  # no file that was not taken beside it
            assert isinstance(item, GatheredItem)
            found.append(manifest_of(item.path))
    assert [(each.images, each.problems) for each in found] == [(12, ())]


def test_a_study_of_two_patients_is_refused(tmp_path: Path) -> None:
    """Bundles hold pseudonyms, so what tells the two apart has to outlive the names."""
    write(series(Taken(count=12), study="1.2.3.1"), tmp_path / "one")
    other = Taken(count=12, extra={"PatientID": "SOMEBODY-ELSE"})
    write(series(other, study="1.2.3.1"), tmp_path / "two")
    with gather([tmp_path]) as items:
        found = [_codes(each) for each in items if isinstance(each, GatheredItem)]
    assert found == [{"mixed_patients"}]
