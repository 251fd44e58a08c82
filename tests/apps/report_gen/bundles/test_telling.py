"""What is left out of a study, and why it is not read, is told in words that help."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.fileset import FileSet
from pydicom.uid import UID

from apps.report_gen.bundles.gathering import gather
from apps.report_gen.steps.read import read
from loupe.contract.receiving import GatheredItem
from tests.apps.report_gen.studies import Taken, series, write

pytestmark = pytest.mark.slow


def told(path: Path) -> dict[str, Any]:
    """What the step that reads says of the one study at a path."""
    with gather([path]) as items:
        (found,) = [read(each.path, {}) for each in items if isinstance(each, GatheredItem)]
    return dict(found.meta)


def test_objects_that_are_no_ct_images_are_told_beside_the_series_that_is_read(
    tmp_path: Path,
) -> None:
    images = series(Taken(count=50), study="1.2.3.1")
    report, capture = series(Taken(count=1), 98, "1.2.3.1"), series(Taken(count=3), 99, "1.2.3.1")
    for image, modality, sop_class in (
        (report[0], "SR", "1.2.840.10008.5.1.4.1.1.88.67"),
        *((each, "OT", "1.2.840.10008.5.1.4.1.1.7") for each in capture),
    ):
        image.Modality = modality
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    for at, part in enumerate((images, report, capture)):
        write(part, tmp_path / str(at))
    found = told(tmp_path)
    assert found["status"] == "drafted"
    series_told = {
        each["number"]: (each["status"], each["files"], [one["code"] for one in each["reasons"]])
        for each in found["series"]
    }
    assert series_told == {
        1: ("usable", 50, ["chosen"]),
        98: ("refused", 1, ["modality"]),
        99: ("refused", 3, ["modality"]),
    }
    assert [each["code"] for each in found["reasons"]] == ["chosen"]


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.110", "JPEG XL Lossless (1.2.840.10008.1.2.4.110)"),
        ("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level (1.2.840.10008.1.2.4.100)"),
        ("1.2.826.0.1.3680043.9.3811", "1.2.826.0.1.3680043.9.3811"),
        ("1.2.4711.9", "?"),
    ],
)
def test_a_transfer_syntax_that_is_not_read_is_told_by_name(
    tmp_path: Path, syntax: str, name: str
) -> None:
    """Not where a patient's number stands in it: MRN-4711 here."""
    images = series(Taken(count=12, rows=16, columns=16, spacing=(24.0, 24.0)))
    for at, image in enumerate(images):
        image.PatientID = "4711"
        image.save_as(tmp_path / f"{at}", enforce_file_format=True)
        content = (tmp_path / f"{at}").read_bytes()
        old, new = b"\x14\x001.2.840.10008.1.2.1\0", syntax.encode() + b"\0" * (len(syntax) % 2)
        added = len(new) - 20
        content = content.replace(old, len(new).to_bytes(2, "little") + new, 1)
        length = int.from_bytes(content[140:144], "little") + added
        (tmp_path / f"{at}").write_bytes(
            content[:140] + length.to_bytes(4, "little") + content[144:]
        )
    (reason,) = told(tmp_path)["reasons"]
    assert reason["code"] == "transfer_syntax"
    for language in ("en", "zh"):
        said = str(reason[language])
        assert name in said if name != "?" else "4711" not in said


def test_the_index_of_a_disc_alone_says_what_to_send(tmp_path: Path) -> None:
    (tmp_path / "disc").mkdir()
    FileSet().write(tmp_path / "disc")
    (reason,) = told(tmp_path / "disc" / "DICOMDIR")["reasons"]
    assert reason["code"] == "not_an_image"
    assert "Send the whole disc" in str(reason["en"])


def test_an_image_without_an_id_is_told_by_what_it_lacks(tmp_path: Path) -> None:
    images = series(Taken(count=100, step=(0, 0, 2.5)))
    del images[50].SOPInstanceUID, images[50].file_meta.MediaStorageSOPInstanceUID
    for at, image in enumerate(images):
        image.save_as(tmp_path / f"{at}", enforce_file_format=False)
    found = told(tmp_path)
    assert [each["status"] for each in found["series"]] == ["usable_with_warning", "refused"]
    first = found["series"][1]["reasons"][0]
    assert first["code"] == "missing_tag"
    assert first["en"].startswith("SOPInstanceUID: every image needs one of its own")


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        (["MRN-4711", " mrn-4711", "MRN-4711", ""], "drafted"),
        (["MRN-4711", "MRN-4712"], "refused"),
    ],
)
def test_one_patient_is_one_however_machines_write_the_id(
    tmp_path: Path, ids: list[str], status: str
) -> None:
    images = series(Taken(count=50))
    for at, image in enumerate(images):
        image.PatientID = ids[at % len(ids)]
    found = told(write(images, tmp_path))
    assert found["status"] == status
    assert ("mixed_patients" in {each["code"] for each in found["reasons"]}) == (
        status == "refused"
    )


def test_a_damaged_image_is_told_by_its_neutral_name_alone(tmp_path: Path) -> None:
    folder = write(series(Taken(count=50)), tmp_path)
    victim = sorted(folder.iterdir())[30]
    victim.write_bytes(victim.read_bytes()[:-1000])
    (reason,) = told(folder)["reasons"]
    assert reason["code"] == "truncated_pixels"
    assert "1. image-00031.dcm: PixelData is 7192 bytes" in reason["en"]
    assert "zip" not in reason["en"] + reason["zh"]
