"""Files, folders and zips: what is bad is named with field, value and what is allowed."""

import gzip
import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless

from apps.report_gen.reading.faults import Fault
from apps.report_gen.reading.limits import DEFAULT, Limits
from apps.report_gen.reading.studies import gate, read_study
from tests.apps.report_gen.studies import Taken, enhanced, series, truth, write

SMALL = replace(DEFAULT, files=100)


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, f"export/{file.name}")
    return target


def faults_of(path: Path, limits: Limits = DEFAULT) -> list[Fault]:
    return [fault for each in gate([path], limits) for fault in each.faults]


def test_a_folder_a_zip_and_files_read_the_same(tmp_path: Path) -> None:
    folder = write(series(), tmp_path / "study")
    archive = zipped(folder, tmp_path / "study.zip")
    for paths in ([folder], [archive], sorted(folder.iterdir())):
        volume = read_study(paths).volume
        assert volume is not None
        np.testing.assert_array_equal(volume.hu, truth(volume))


def test_nothing_kept_between_headers_and_pixels_reads_the_same(tmp_path: Path) -> None:
    archive = zipped(write(series(), tmp_path / "study"), tmp_path / "study.zip")
    volume = read_study([archive], replace(DEFAULT, kept_bytes=0)).volume
    assert volume is not None
    np.testing.assert_array_equal(volume.hu, truth(volume))


def test_a_zip_inside_a_zip_is_refused_by_name(tmp_path: Path) -> None:
    inner = zipped(write(series(Taken(count=3)), tmp_path / "study"), tmp_path / "inner.zip")
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "deep/inner.dcm")
    (fault,) = faults_of(outer)
    assert (fault.code, fault.name) == ("nested_archive", "outer.zip/deep/inner.dcm")


def test_a_decompression_bomb_is_stopped_while_it_unpacks(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(40 * 2**20))
    (fault,) = faults_of(bomb)
    assert fault.code == "decompression_bomb"
    assert "200 times" in fault.text().en


def test_a_bomb_inside_a_deflated_data_set_is_stopped(tmp_path: Path) -> None:
    image = series(Taken(count=1))[0]
    image.PixelData = bytes(64 * 2**20)
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert [each.code for each in faults_of(tmp_path)] == ["decompression_bomb"]


def test_a_bomb_inside_gzip_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(64 * 2**20)))
    assert [each.code for each in faults_of(tmp_path)] == ["decompression_bomb"]


def test_entries_over_the_same_bytes_are_refused(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a", b"x" * 100)
        archive.writestr("b", b"y" * 100)
    content = bytearray(made.getvalue())
    second = content.rfind(b"PK\x01\x02")
    content[second + 42 : second + 46] = (10).to_bytes(4, "little")
    (tmp_path / "o.zip").write_bytes(content)
    assert [each.code for each in faults_of(tmp_path)] == ["overlapping_entries"]


def test_too_many_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    archive = tmp_path / "many.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for at in range(101):
            target.writestr(f"{at}", b"")
    (fault,) = faults_of(archive, SMALL)
    assert (fault.code, fault.value) == ("too_many_files", "101")


def test_a_damaged_zip_is_named(tmp_path: Path) -> None:
    archive = zipped(write(series(Taken(count=2)), tmp_path / "s"), tmp_path / "s.zip")
    archive.write_bytes(archive.read_bytes()[:-60])
    assert [each.code for each in faults_of(archive)] == ["archive_damaged"]


def test_a_method_of_compression_that_is_not_read_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "s.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("a.dcm", b"x" * 100)
    content = bytearray(archive.read_bytes())
    for head, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = content.index(head) + at
        content[place : place + 2] = (9).to_bytes(2, "little")  # Deflate64, as Explorer has it
    archive.write_bytes(content)
    (fault,) = faults_of(archive)
    assert (fault.code, fault.field, fault.value) == (
        "archive_damaged", "method of compression", "9",
    )  # fmt: skip
    assert "Deflate (8)" in fault.text().en


def test_an_empty_file_is_told_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").touch()
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("b.dcm", b"")
    found = faults_of(tmp_path)
    assert [(each.name, each.value) for each in found] == [
        ("a.dcm", "empty"),
        ("b.zip/b.dcm", "empty"),
    ]


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.write_bytes(b"not part of the study")
    folder = write(series(), tmp_path / "study")
    (folder / "link").symlink_to(secret)
    assert faults_of(folder) == []


def test_a_foreign_file_beside_a_study_is_named_and_does_not_spoil_it(tmp_path: Path) -> None:
    folder = write(series(), tmp_path / "study")
    (folder / "notes.docx").write_bytes(b"hello")
    study = read_study([folder])
    assert study.volume is not None
    assert [each.name for each in study.verdicts[-1].faults] == ["notes.docx"]


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("PixelSpacing", [float("nan"), 1.0], "bad_value"),
        ("PixelSpacing", [0.0, 1.0], "bad_value"),
        ("PixelSpacing", [-1.0, 1.0], "bad_value"),
        ("PixelSpacing", None, "missing_tag"),
        ("ImagePositionPatient", None, "missing_tag"),
        ("ImagePositionPatient", [1.0, 2.0, 1e9], "bad_value"),
        ("ImageOrientationPatient", None, "missing_tag"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "bad_value"),
        ("ImageOrientationPatient", [0, 0, 0, 0, 0, 0], "bad_value"),
        ("RescaleSlope", 0, "bad_value"),
        ("RescaleIntercept", "NaN", "bad_value"),
        ("BitsAllocated", 12, "bad_value"),
        ("BitsStored", 17, "bad_value"),
        ("Columns", 0, "bad_value"),
        ("Rows", 60000, "bad_value"),
        ("PixelData", None, "missing_tag"),
    ],
)
def test_one_bad_image_is_named_with_field_and_value(
    tmp_path: Path, keyword: str, value: Any, code: str
) -> None:
    images = series()
    if value is None:
        delattr(images[5], keyword)
    elif keyword in ("PixelSpacing", "RescaleIntercept"):
        images[5].add_new(keyword, "DS", "0")
        images[5][keyword]._value = value
        raw = "\\".join(map(str, value)) if isinstance(value, list) else value
        images[5].pop(keyword)
        tag = {"PixelSpacing": 0x00280030, "RescaleIntercept": 0x00281052}[keyword]
        images[5].add_new(tag, "LO", raw)
    else:
        setattr(images[5], keyword, value)
    folder = write(images, tmp_path)
    if keyword in ("PixelSpacing", "RescaleIntercept") and value is not None:
        for file in folder.glob("*-00005"):
            raw_tag = {"PixelSpacing": b"\x28\0\x30\0", "RescaleIntercept": b"\x28\0\x52\x10"}
            content = file.read_bytes()
            file.write_bytes(content.replace(raw_tag[keyword] + b"LO", raw_tag[keyword] + b"DS"))
    (found,) = gate([folder])
    assert found.status == "refused"
    (fault,) = found.faults
    assert (fault.code, fault.field) == (code, keyword)
    assert fault.name.endswith("-00005")
    assert fault.name in found.reasons[-1].text.en
    assert fault.name in found.reasons[-1].text.zh


def test_cut_pixels_are_told_with_both_sizes(tmp_path: Path) -> None:
    folder = write(series(), tmp_path)
    victim = next(folder.glob("*-00030"))
    victim.write_bytes(victim.read_bytes()[:-1000])
    (found,) = gate([folder])
    (fault,) = found.faults
    assert (fault.code, fault.value) == ("truncated_pixels", "7192 bytes")
    assert fault.allowed.en == "8192 bytes are needed"
    assert "PixelData 为 7192 字节；需要 8192 字节。" in found.reasons[-1].text.zh


def test_damaged_jpeg_2000_is_named(tmp_path: Path) -> None:
    images = series()
    for image in images:
        image.compress(JPEG2000Lossless, generate_instance_uid=False)
    data = bytearray(images[9].PixelData)
    at = data.index(b"\xff\x4f\xff\x51")
    data[at : at + 60] = bytes(60)
    images[9].PixelData = bytes(data)
    (found,) = gate([write(images, tmp_path)])
    assert {each.code for each in found.reasons} == {"damaged_pixels"}
    assert [each.name[-5:] for each in found.faults] == ["00009"]


def test_a_compressed_image_that_claims_another_size_is_not_decoded(tmp_path: Path) -> None:
    images = series()
    for image in images:
        image.compress(JPEG2000Lossless, generate_instance_uid=False)
    data = bytearray(images[9].PixelData)
    at = data.index(b"\xff\x4f\xff\x51") + 8
    data[at : at + 8] = (60000).to_bytes(4, "big") * 2
    images[9].PixelData = bytes(data)
    (found,) = gate([write(images, tmp_path)])
    assert "60000" in found.faults[0].value
    assert "64 × 64" in found.faults[0].allowed.en


def test_every_frame_of_a_compressed_image_has_the_size_that_the_header_says(
    tmp_path: Path,
) -> None:
    image = enhanced()
    image.compress(JPEG2000Lossless, generate_instance_uid=False)
    frames = [bytearray(each) for each in generate_frames(image.PixelData, number_of_frames=50)]
    at = frames[7].index(b"\xff\x4f\xff\x51") + 8
    frames[7][at : at + 8] = (60000).to_bytes(4, "big") * 2
    image.PixelData = encapsulate([bytes(each) for each in frames])
    (found,) = gate([write([image], tmp_path)])
    assert [each.value for each in found.faults] == ["an image of 60000 × 60000"]


def test_a_compressed_image_cut_short_is_told_in_both_languages(tmp_path: Path) -> None:
    images = series()
    for image in images:
        image.compress(JPEG2000Lossless, generate_instance_uid=False)
    folder = write(images, tmp_path)
    victim = next(folder.glob("*-00030"))
    victim.write_bytes(victim.read_bytes()[:-40])
    (found,) = gate([folder])
    (fault,) = found.faults
    assert (fault.code, fault.value) == ("truncated_pixels", "cut short")
    assert "PixelData is cut short; pixels that can be decoded are needed." in fault.text().en
    assert "PixelData 为 不完整；需要可解码的像素。" in fault.text().zh


def test_what_is_said_in_chinese_holds_no_english_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 a letter")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 nothing more")
    (tmp_path / "c.tar.gz").write_bytes(gzip.compress(b"a" * 100))
    images = series(Taken(count=12))
    del images[3].PixelData
    write(images, tmp_path / "d")
    told = [fault.text().zh for each in gate([tmp_path]) for fault in each.faults]
    assert len(told) == 4
    for each in told:
        assert not re.search(r"[A-Za-z]+ [A-Za-z]+ [A-Za-z]+", each.split("：", 1)[1]), each


def test_a_series_of_ten_thousand_slices_is_refused(tmp_path: Path) -> None:
    folder = write(series(Taken(count=40, rows=8, columns=8)), tmp_path)
    (found,) = gate([folder], replace(DEFAULT, slices=30))
    assert {each.code for each in found.reasons} == {"too_many_slices"}
    assert "40" in found.reasons[0].text.en


def test_script_in_a_name_stays_text(tmp_path: Path) -> None:
    images = series(Taken(modality="CT"))
    for image in images:
        image.ConvolutionKernel = "<script>"
        image.PatientName = "<script>alert(1)</script>"
    (found,) = gate([write(images, tmp_path)])
    assert "alert" not in str(found.as_json())
    assert found.status == "usable"


def test_foreign_characters_do_not_stop_reading(tmp_path: Path) -> None:
    images = series()
    for at, image in enumerate(images):
        image.SpecificCharacterSet = ["ISO 2022 IR 58", "NONSENSE", "GB18030"][at % 3]
        image.PatientName = "x"
    assert gate([write(images, tmp_path)])[0].status == "usable"
