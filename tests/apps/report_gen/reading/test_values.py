"""Stored values become Hounsfield units once, in every transfer syntax; no others are read."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from apps.report_gen.reading.studies import Study, gate, read_study
from apps.report_gen.reading.verdicts import SeriesVerdict
from tests.apps.report_gen.studies import Taken, put_pixels, series, truth, write


def read(images: list[FileDataset], folder: Path) -> Study:
    return read_study([write(images, folder)])


def codes(found: SeriesVerdict) -> set[str]:
    return {each.code for each in found.reasons}


def assert_true(study: Study) -> None:
    assert study.volume is not None, study.verdicts
    np.testing.assert_array_equal(study.volume.hu, truth(study.volume))


@pytest.mark.parametrize(
    ("slope", "intercept"), [(1.0, -1024.0), (1.0, 0.0), (0.5, -1000.0), (1.0, -8192.0)]
)
def test_the_rescale_is_applied_once(tmp_path: Path, slope: float, intercept: float) -> None:
    assert_true(read(series(Taken(slope=slope, intercept=intercept)), tmp_path))


def test_every_image_has_a_rescale_of_its_own(tmp_path: Path) -> None:
    images = series(Taken(intercept=-1024))
    for image in images[::2]:
        stored = np.frombuffer(image.PixelData, "<u2").reshape(64, 64).astype(int)
        put_pixels(image, stored - 24)
        image.RescaleIntercept = -1000
    assert_true(read(images, tmp_path))


def test_bits_above_those_stored_are_no_values(tmp_path: Path) -> None:
    images = series()
    for image in images:
        stored = np.frombuffer(image.PixelData, "<u2") | 0xC000
        image.PixelData, image.BitsStored, image.HighBit = stored.tobytes(), 12, 11
    assert_true(read(images, tmp_path))


def test_signed_values_of_twelve_bits_keep_their_sign(tmp_path: Path) -> None:
    images = series(Taken(intercept=0))
    for image in images:
        stored = np.frombuffer(image.PixelData, "<i2") & 0x0FFF
        image.PixelData, image.BitsStored, image.HighBit = stored.tobytes(), 12, 11
    assert_true(read(images, tmp_path))


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_compressed_images_read_the_same(tmp_path: Path, syntax: str) -> None:
    images = series(Taken(rows=64, columns=64))
    for image in images:
        uid = image.SOPInstanceUID
        image.compress(syntax, generate_instance_uid=False)
        assert image.SOPInstanceUID == uid
    assert_true(read(images, tmp_path))


def test_signed_jpeg_2000_reads_the_same(tmp_path: Path) -> None:
    images = series(Taken(intercept=0))
    for image in images:
        image.compress(JPEG2000Lossless, generate_instance_uid=False)
    assert_true(read(images, tmp_path))


def test_implicit_and_big_endian_and_deflated_read_the_same(tmp_path: Path) -> None:
    for at, image in enumerate(images := series()):
        image.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        )[at % 3]
        if at % 3 == 1:
            image.PixelData = np.frombuffer(image.PixelData, "<u2").astype(">u2").tobytes()
            image.set_original_encoding(False, False)
    assert_true(read(images, tmp_path))


def test_an_unread_transfer_syntax_is_named(tmp_path: Path) -> None:
    images = series()
    for at, image in enumerate(images):
        raw = tmp_path / f"{at}.dcm"
        image.save_as(raw, enforce_file_format=True)
        content = raw.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0", 1)
        raw.write_bytes(content)
    (found,) = gate([tmp_path])
    assert (found.status, codes(found)) == ("refused", {"transfer_syntax"})


@pytest.mark.parametrize("modality", ["PT", "MR", "US"])
def test_other_modalities_are_refused_by_name(tmp_path: Path, modality: str) -> None:
    (found,) = gate([write(series(Taken(modality=modality)), tmp_path)])
    assert found.status == "refused"
    assert [each.code for each in found.reasons] == ["modality"]
    assert modality in found.reasons[0].text.en
    assert modality in found.reasons[0].text.zh


@pytest.mark.parametrize(("word", "code"), [("MIP", "out_of_scope"), ("PERFUSION", "out_of_scope")])
def test_what_a_program_made_is_out_of_scope(tmp_path: Path, word: str, code: str) -> None:
    images = series(Taken(extra={"ImageType": ["DERIVED", "SECONDARY", word]}))
    (found,) = gate([write(images, tmp_path)])
    assert codes(found) == {code}


def test_a_rescale_applied_twice_is_found(tmp_path: Path) -> None:
    images = series(Taken(intercept=0))
    for image in images:
        image.RescaleIntercept = -1024
    (found,) = gate([write(images, tmp_path)])
    assert codes(found) == {"rescaled_twice"}


def test_a_rescale_left_out_is_found(tmp_path: Path) -> None:
    images = series()
    for image in images:
        del image.RescaleIntercept, image.RescaleSlope
    (found,) = gate([write(images, tmp_path)])
    assert codes(found) == {"missing_rescale", "not_rescaled"}


def test_values_of_another_kind_are_not_hounsfield_units(tmp_path: Path) -> None:
    images = series(Taken(intercept=0))
    for image in images:
        put_pixels(image, np.random.default_rng(1).integers(0, 250, (64, 64)))
    (found,) = gate([write(images, tmp_path)])
    assert codes(found) == {"not_hounsfield"}


@pytest.mark.parametrize("centre", [(0, 0, 330), (0, 0, -340)])
def test_a_body_part_without_lungs_is_refused(tmp_path: Path, centre: tuple) -> None:
    (found,) = gate([write(series(Taken(centre=centre)), tmp_path)])
    assert codes(found) == {"body_part"}


def test_a_chest_cut_short_is_refused_for_its_coverage(tmp_path: Path) -> None:
    (found,) = gate([write(series(Taken(count=18)), tmp_path)])
    assert codes(found) == {"coverage"}
    assert found.status == "refused"


def test_lungs_cut_at_one_end_are_told(tmp_path: Path) -> None:
    (found,) = gate([write(series(Taken(count=40, centre=(0, 0, 70))), tmp_path)])
    assert found.status == "usable_with_warning"
    assert [each.values.get("end") for each in found.reasons if each.code == "coverage"] == [
        "lower end"
    ]


def test_padding_outside_the_field_of_view_is_air(tmp_path: Path) -> None:
    images = series(Taken(intercept=0))
    for image in images:
        stored = np.frombuffer(image.PixelData, "<i2").reshape(64, 64).copy()
        stored[:4, :] = -3024
        put_pixels(image, stored)
        image.PixelPaddingValue = -3024
    study = read(images, tmp_path)
    assert study.volume is not None
    assert study.volume.hu.min() == -1024


@pytest.mark.parametrize("bits", [16, 12])
@pytest.mark.parametrize("implicit", [False, True])
def test_padding_below_zero_in_unsigned_values_is_air(
    tmp_path: Path, bits: int, implicit: bool
) -> None:
    images = series()
    for image in images:
        stored = np.frombuffer(image.PixelData, "<u2").reshape(64, 64).copy()
        stored[:4] = 63536  # -2000
        put_pixels(image, stored)
        image.BitsStored, image.HighBit = bits, bits - 1
        image.add_new("PixelPaddingValue", "US", 63536)
        if implicit:
            image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    volume = read(images, tmp_path).volume
    assert volume is not None
    assert (volume.hu[:, -4:] == -1024).all()
    np.testing.assert_array_equal(volume.hu[:, :-4], truth(volume)[:, :-4])


def test_a_padding_value_that_is_tissue_stays_tissue(tmp_path: Path) -> None:
    images = series()
    for image in images:
        image.add_new("PixelPaddingValue", "US", 1024 + 40)
    assert_true(read(images, tmp_path))
