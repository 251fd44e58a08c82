"""Names are planted everywhere, and every output is searched for them."""

import gzip
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, SecondaryCaptureImageStorage

from apps.report_gen.deid.codestreams import without_comments
from apps.report_gen.deid.files import deidentified
from apps.report_gen.deid.pseudonyms import Pseudonyms
from apps.report_gen.reading.faults import Fault
from apps.report_gen.reading.studies import read_study
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen.deid.planted import found, planted
from tests.apps.report_gen.studies import Taken, series, truth, write

KEY = Pseudonyms(b"0123456789abcdef0123456789abcdef")
OTHER = Pseudonyms(b"another key of more than 16 bytes")


def cleaned(folder: Path, key: Pseudonyms = KEY) -> list[FileDataset]:
    return [dcmread(BytesIO(each.content)) for each in deidentified([folder], key)]


def test_the_search_finds_what_is_planted(tmp_path: Path) -> None:
    write(planted(), tmp_path)
    for file in tmp_path.iterdir():
        assert len({hit.split()[0] for hit in found(file.read_bytes())}) == 7


def test_no_planted_name_is_in_any_output(tmp_path: Path) -> None:
    write(planted(), tmp_path / "Zwiebelfisch", prefix="Quastenflosser")
    made = list(deidentified([tmp_path], KEY))
    assert len(made) == 3
    for file in made:
        assert found(file.content) == []
        assert found(file.name.encode()) == []


def test_names_of_a_zip_and_its_entries_are_not_carried_over(tmp_path: Path) -> None:
    folder = write(planted(), tmp_path / "in")
    archive = tmp_path / "Zwiebelfisch.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.comment = b"Quastenflosser"
        for file in folder.iterdir():
            target.write(file, f"Zwiebelfisch_19521203/{file.name}")
    made = list(deidentified([archive], KEY))
    assert [each.name for each in made] == [f"image-{at:05d}.dcm" for at in (1, 2, 3)]
    assert all(found(each.content) == [] for each in made)


def test_uids_are_replaced_alike_in_every_file_and_reference(tmp_path: Path) -> None:
    images = planted()
    write(images, tmp_path)
    made = cleaned(tmp_path)
    assert {each.SeriesInstanceUID for each in made} == {KEY.uid(images[0].SeriesInstanceUID)}
    assert {each.SOPInstanceUID for each in made} == {KEY.uid(i.SOPInstanceUID) for i in images}
    for each in made:
        assert each.file_meta.MediaStorageSOPInstanceUID == each.SOPInstanceUID
        assert each.SourceImageSequence[0].ReferencedSOPInstanceUID == each.SOPInstanceUID
        assert each.SOPClassUID == images[0].SOPClassUID
        assert each.StudyInstanceUID.startswith("2.25.")


def test_another_key_gives_other_uids_and_the_same_key_the_same(tmp_path: Path) -> None:
    write(planted(), tmp_path)
    first, again, other = (cleaned(tmp_path, key) for key in (KEY, KEY, OTHER))
    assert [each.SOPInstanceUID for each in first] == [each.SOPInstanceUID for each in again]
    assert first[0].PatientID == again[0].PatientID
    assert not {each.SOPInstanceUID for each in first} & {each.SOPInstanceUID for each in other}
    assert first[0].PatientID != other[0].PatientID


def test_the_result_says_what_was_done(tmp_path: Path) -> None:
    write(planted(), tmp_path)
    for each in cleaned(tmp_path):
        assert each.PatientIdentityRemoved == "YES"
        assert each.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert each.StudyDate == ""
        assert each.ContentDate in ("", "19000101")
        assert each.PatientBirthDate == ""


def test_a_de_identified_study_reads_as_the_original(tmp_path: Path) -> None:
    write(series(Taken(kernel="B30f")), tmp_path / "in")
    (tmp_path / "out").mkdir()
    for each in deidentified([tmp_path / "in"], KEY):
        (tmp_path / "out" / each.name).write_bytes(each.content)
    study = read_study([tmp_path / "out"])
    assert study.volume is not None, study.verdicts
    np.testing.assert_array_equal(study.volume.hu, truth(study.volume))
    assert study.volume.series.facts.kernel == "B30f"


def test_defined_terms_stay_whatever_the_patient_is_called(tmp_path: Path) -> None:
    images = series(Taken(count=1, kernel="MaryFilter"))
    images[0].PatientName = "Gina^Mary^Liz"
    images[0].ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER", "SEEN BY MARY", "MPR"]
    images[0].add_new("PixelPaddingValue", "US", 63536)
    images[0].file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    (made,) = deidentified([write(images, tmp_path)], KEY)
    kept = dcmread(BytesIO(made.content))
    assert list(kept.ImageType) == ["ORIGINAL", "PRIMARY", "LOCALIZER", "", "MPR"]
    assert "ConvolutionKernel" not in kept
    assert kept.PixelPaddingValue == 63536


def test_what_is_burned_in_or_no_ct_image_is_left_out_and_told(tmp_path: Path) -> None:
    images = planted()
    images[0].BurnedInAnnotation = "YES"
    images[1].SOPClassUID = SecondaryCaptureImageStorage
    images[1].file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    write(images, tmp_path)
    faults: list[Fault] = []
    made = list(deidentified([tmp_path], KEY, faults=faults))
    assert len(made) == 1
    assert {each.field for each in faults} == {"BurnedInAnnotation", "SOPClassUID"}


def test_a_class_in_an_unknown_representation_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    (broken, *_) = sorted(write(planted(), tmp_path).iterdir())
    content = broken.read_bytes()
    at = content.index(b"\x08\x00\x16\x00UI")
    broken.write_bytes(content[: at + 4] + b"U&" + content[at + 6 :])
    faults: list[Fault] = []
    assert len(list(deidentified([tmp_path], KEY, faults=faults))) == 2
    assert [each.name for each in faults] == [broken.name]


def test_comments_inside_compressed_images_are_emptied(tmp_path: Path) -> None:
    images = planted()
    for image in images:
        image.compress(JPEG2000Lossless, generate_instance_uid=False)
        at = image.PixelData.index(b"\xff\x64")
        length = int.from_bytes(image.PixelData[at + 2 : at + 4], "big")
        assert length > 14
        text = b"Zwiebelfisch".ljust(length - 4)[: length - 4]
        image.PixelData = image.PixelData[: at + 6] + text + image.PixelData[at + 2 + length :]
    write(images, tmp_path)
    before = dcmread(min(tmp_path.iterdir())).pixel_array
    made = list(deidentified([tmp_path], KEY))
    assert len(made) == 3
    assert all(found(each.content) == [] for each in made)
    np.testing.assert_array_equal(dcmread(BytesIO(made[0].content)).pixel_array, before)


def test_jpeg_comments_are_emptied_and_the_scan_is_left_alone() -> None:
    comment = b"\xff\xfe\x00\x0eZwiebelfisch"
    frame = b"\xff\xc3\x00\x04ab"
    scan = b"\xff\xda\x00\x03x\xff\xfe\x00\x05Qua\xff\xd9"
    image = b"\xff\xd8" + comment + frame + scan
    result = without_comments(image)
    assert len(result) == len(image)
    assert b"Zwiebelfisch" not in result
    assert result[-12:] == image[-12:]


@pytest.mark.parametrize("packed", [False, True])
def test_texts_in_nifti_headers_are_dropped(tmp_path: Path, packed: bool) -> None:
    image = Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.diag([2, 3, 4, 1.0]))
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[name] = b"Zwiebelfisch"[:12]
    image.header.extensions.append(_extension(b"Quastenflosser MRN-99887766"))
    plain = image.to_bytes()
    assert found(plain)
    file = tmp_path / "Zwiebelfisch.nii"
    if packed:
        stream = BytesIO()
        with gzip.GzipFile("Quastenflosser.nii", "wb", fileobj=stream, mtime=7) as target:
            target.write(plain)
        file.write_bytes(stream.getvalue())
    else:
        file.write_bytes(plain)
    (made,) = deidentified([file], KEY)
    assert found(made.content) == []
    unpacked = gzip.decompress(made.content)
    assert found(unpacked) == []
    again = Nifti1Image.from_bytes(unpacked)
    np.testing.assert_array_equal(np.asarray(again.dataobj), np.asarray(image.dataobj))
    np.testing.assert_allclose(again.affine, image.affine)


def _extension(text: bytes) -> object:
    from nibabel.nifti1 import Nifti1Extension

    return Nifti1Extension("comment", text)


def test_no_value_is_told_to_logs_or_warnings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    write(planted(), tmp_path)
    for file in tmp_path.iterdir():  # UIDs and numbers that are names make pydicom complain
        content = file.read_bytes()
        content = content.replace(b"CS\x04\x00PRIM", b"CS\x04\x00Zwie")
        uid = dcmread(file).SeriesInstanceUID.encode()
        content = content.replace(uid, b"Zwiebelfisch".ljust(len(uid), b"x"))
        content = content.replace(b"-1024 ", b"Quaste")
        file.write_bytes(content)
    caplog.clear()
    capfd.readouterr()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        list(deidentified([tmp_path], KEY))
        read_study([tmp_path])
    out, err = capfd.readouterr()
    assert found(f"{out}{err}{caplog.text}{[str(each) for each in told]}".encode()) == []


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InputRefused, match="at least 16"):
        Pseudonyms(b"short")
