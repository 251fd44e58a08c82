"""Real scans, where they lie beside the checkout; not part of it."""

import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from nibabel.orientations import aff2axcodes

from apps.report_gen.reading.deflated import plain_bytes
from apps.report_gen.reading.frames import images_of
from apps.report_gen.reading.geometry.kind import READ
from apps.report_gen.reading.headers import read_header
from apps.report_gen.reading.limits import DEFAULT
from apps.report_gen.reading.pixels import decode_file
from apps.report_gen.reading.sniffing import Kind
from apps.report_gen.reading.sources import Source
from apps.report_gen.reading.studies import gate, read_study

CT = Path(__file__).resolve().parents[4].parent / "shared" / "data" / "ct"

pytestmark = [
    pytest.mark.skipif(not CT.is_dir(), reason="real scans are not part of the repository"),
    pytest.mark.slow,
]


def codes(name: str) -> list[tuple[str, set[str]]]:
    return [(each.status, {r.code for r in each.reasons}) for each in gate([CT / name])]


def test_both_kernels_of_a_real_chest_are_accepted_and_the_softer_is_read() -> None:
    found = gate([CT / "chest_A0001_two_series.dicom.zip"])
    assert {each.series.facts.kernel: str(each.status) for each in found} == {
        "L": "usable",
        "B": "usable",
    }
    assert {each.series.facts.kernel for each in found if each.chosen} == {"B"}


def test_a_real_chest_lies_as_in_the_file_another_program_made() -> None:
    volume = read_study([CT / "chest_A0001_two_series.dicom.zip"]).volume
    assert volume is not None
    assert aff2axcodes(volume.affine) == ("R", "A", "S")
    again = read_study([CT / "Lung_Dx-A0001_s3_B_64sl_256.nii.gz"]).volume
    assert again is not None
    halved = volume.hu.reshape(64, 256, 2, 256, 2).mean(axis=(2, 4))
    assert np.abs(halved - again.hu).mean() < 60
    assert np.abs(halved[:, :, ::-1] - again.hu).mean() > 100


def test_a_tilted_head_is_refused_with_every_reason() -> None:
    ((status, reasons),) = codes("head_ge_tilt_gaps.dicom.zip")
    assert status == "refused"
    assert {"gantry_tilt", "non_uniform_spacing", "body_part"} <= reasons


def test_a_real_abdomen_is_refused_as_another_body_part() -> None:
    found = codes("abdomen_totalsegmentator.zip")
    assert all(status == "refused" for status, _ in found)
    assert sum("body_part" in reasons for _, reasons in found) == 3


def test_slices_without_tags_and_single_slices_are_refused() -> None:
    for name in ("lungmask_slices_no_tags.zip", "one_slice_16_transfer_syntaxes.zip"):
        assert all(status == "refused" and reasons for status, reasons in codes(name))


def test_a_small_real_chest_is_accepted() -> None:
    status, _ = codes("chest_imaging_platform.zip")[0]
    assert status == "usable"


def test_one_real_slice_decodes_alike_from_every_transfer_syntax(tmp_path: Path) -> None:
    with zipfile.ZipFile(CT / "one_slice_16_transfer_syntaxes.zip") as archive:
        archive.extractall(tmp_path)
    seen = {}
    for path in sorted((tmp_path / "testImages").glob("CTImage.dcm*")):
        content = plain_bytes(path.read_bytes(), path.name, DEFAULT)
        source = Source(path.name, Kind.DICOM, partial(bytes, content), path)
        header, dataset = read_header(source, content)
        (image,) = images_of(header, dataset, DEFAULT)
        into = np.zeros((1, 512, 512), dtype=np.int16)
        if header.transfer_syntax in READ:
            decode_file([(image, 0)], into)
            seen[path.name] = into[0].astype(int)
    truth = seen["CTImage.dcm"]
    assert len(seen) >= 11
    for name, values in seen.items():
        lossy = any(word in name for word in ("Process1T", "Process2_4", "LSLossy", ".91", ".51"))
        limit = 60.0 if lossy else 0.0
        assert np.abs(values - truth).mean() <= limit, name
