"""NIfTI as it comes: every type and orientation; what is wrong is named by field and value."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image

from apps.report_gen.reading.studies import gate, read_study
from tests.apps.report_gen.studies import hu_at, truth


def nifti(folder: Path, values: Any, affine: Any, name: str = "v.nii.gz") -> Path:
    folder.mkdir(exist_ok=True)
    Nifti1Image(values, affine).to_filename(folder / name)
    return folder / name


def chest(spacing: tuple[float, float, float] = (6.0, 6.0, 5.0)) -> tuple[Any, Any]:
    """Values [x, y, z] of the chest on a RAS grid, and its affine."""
    sizes = (64, 64, 50)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [-(n - 1) / 2 * s for n, s in zip(sizes, spacing, strict=True)]
    index = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1)
    points = index * np.array(spacing) + affine[:3, 3]
    return hu_at(points * np.array([-1.0, -1.0, 1.0])), affine


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
def test_nifti_of_every_type_reads_as_it_is(tmp_path: Path, dtype: str) -> None:
    values, affine = chest()
    for name in ("v.nii", "v.nii.gz"):
        volume = read_study([nifti(tmp_path, values.astype(dtype), affine, name)]).volume
        assert volume is not None
        np.testing.assert_array_equal(volume.hu, truth(volume))


@pytest.mark.parametrize("signs", [(-1, -1, 1), (1, -1, -1), (-1, 1, 1)])
def test_flipped_nifti_lies_right(tmp_path: Path, signs: tuple[int, int, int]) -> None:
    values, affine = chest()
    for axis, sign in enumerate(signs):
        if sign < 0:
            values = np.flip(values, axis)
            affine = affine.copy()
            affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
            affine[:3, axis] *= -1
    turned = np.swapaxes(values, 0, 2)
    affine = affine[:, [2, 1, 0, 3]]
    volume = read_study([nifti(tmp_path, turned.astype("i2"), affine)]).volume
    assert volume is not None
    np.testing.assert_array_equal(volume.hu, truth(volume))


def test_the_scale_of_nifti_is_applied_once(tmp_path: Path) -> None:
    values, affine = chest()
    image = Nifti1Image((values + 1024).astype("i2"), affine)
    image.header.set_slope_inter(1.0, -1024.0)
    content = bytearray(image.to_bytes())
    content[112:120] = np.array([1.0, -1024.0], "<f4").tobytes()
    stored = (values + 1024).astype("<i2")
    content[352:] = stored.tobytes(order="F")
    (tmp_path / "v.nii").write_bytes(content)
    volume = read_study([tmp_path / "v.nii"]).volume
    assert volume is not None
    np.testing.assert_array_equal(volume.hu, truth(volume))


def codes(path: Path) -> set[str]:
    (found,) = gate([path])
    return {each.code for each in found.reasons if each.severity > 0}


def test_what_is_wrong_with_a_nifti_file_is_said(tmp_path: Path) -> None:
    values, affine = chest()
    hu = values.astype("i2")
    assert codes(nifti(tmp_path, np.stack([hu, hu], -1), affine)) == {"four_dimensional"}
    assert codes(nifti(tmp_path, hu[:, :, :5], affine)) == {"too_few_slices"}
    assert codes(nifti(tmp_path, hu - 1024, affine)) == {"rescaled_twice"}
    assert codes(nifti(tmp_path, hu + 1024, affine)) == {"not_rescaled"}
    assert codes(nifti(tmp_path, (hu > 0).astype("i2"), affine)) == {"not_hounsfield"}
    assert codes(nifti(tmp_path, hu.astype("c8"), affine)) == {"bad_value"}
    nan = bytearray(Nifti1Image(hu, affine).to_bytes())
    nan[280:284] = np.array([np.nan], "<f4").tobytes()  # srow_x
    (tmp_path / "nan.nii").write_bytes(nan)
    assert codes(tmp_path / "nan.nii") == {"bad_value"}
    assert codes(nifti(tmp_path, hu, np.diag([6, 6, 50, 1.0]))) == {"bad_value"}
    plain = Nifti1Image(hu, affine)
    plain.set_sform(affine, 0)
    plain.set_qform(affine, 0)
    plain.to_filename(tmp_path / "v.nii")
    assert codes(tmp_path / "v.nii") == {"missing_orientation"}
    cut = tmp_path / "cut.nii"
    cut.write_bytes(Nifti1Image(hu, affine).to_bytes()[:-10])
    assert codes(cut) == {"truncated_pixels"}
    (tmp_path / "t.gz").write_bytes(gzip.compress(b"text", mtime=0))
    assert codes(tmp_path / "t.gz") == {"not_an_image"}
    (tmp_path / "h.nii.gz").write_bytes(gzip.compress(Nifti1Image(hu, affine).to_bytes())[:5000])
    assert codes(tmp_path / "h.nii.gz") == {"truncated_pixels"}


@pytest.mark.parametrize(
    ("at", "values", "told"),
    [
        (42, np.array([-5], "<i2"), "dim is [-5, 64, 50]; each size is 1 or more."),
        (108, np.array([np.inf], "<f4"), "vox_offset is inf; at least 348 is needed."),
        (112, np.array([np.inf], "<f4"), "scl_inter is [inf, 0.0]; finite numbers are needed."),
    ],
)
def test_a_bad_field_of_a_nifti_header_is_named_with_its_value(
    tmp_path: Path, at: int, values: Any, told: str
) -> None:
    made, affine = chest()
    content = bytearray(Nifti1Image(made.astype("i2"), affine).to_bytes())
    content[112:120] = np.array([1.0, 0.0], "<f4").tobytes()
    content[at : at + values.nbytes] = values.tobytes()
    (tmp_path / "v.nii").write_bytes(content)
    (found,) = gate([tmp_path / "v.nii"])
    assert {each.code for each in found.reasons if each.severity > 0} == {"bad_value"}
    assert told in found.reasons[-1].text.en


def test_a_volume_that_is_mostly_no_numbers_is_refused_as_such(tmp_path: Path) -> None:
    values, affine = chest()
    values[:40] = np.nan
    path = nifti(tmp_path, values.astype("f4"), affine)
    assert codes(path) == {"not_finite"}
    assert "62% of the values are not numbers" in gate([path])[0].reasons[-1].text.en


def test_values_that_are_no_numbers_are_air_with_a_warning(tmp_path: Path) -> None:
    values, affine = chest()
    values[:3] = np.nan
    path = nifti(tmp_path, values.astype("f4"), affine)
    study = read_study([path])
    assert study.verdicts[0].status == "usable_with_warning"
    assert study.volume is not None
    assert (study.volume.hu[:, :, :3] == -1024).all()
