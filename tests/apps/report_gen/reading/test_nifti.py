"""NIfTI as it comes: every type and orientation; what is wrong is named by field and value."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image, Nifti1Pair

from apps.report_gen.reading.studies import gate, read_study
from tests.apps.report_gen.studies import hu_at, truth, turned


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


def written(path: Path, affine: Any, *, sform: Any = None, patch: Any = None) -> Path:
    """The chest with a qform of `affine`, a sform where one is given, and bytes put in place."""
    image = Nifti1Image(chest()[0].astype("i2"), None)
    image.header.set_qform(affine, 1)
    image.header.set_sform(sform, 0 if sform is None else 1)
    content = bytearray(image.to_bytes())
    content[112:120] = np.array([1.0, 0.0], "<f4").tobytes()
    for at, values in (patch or {}).items():
        content[at : at + values.nbytes] = values.tobytes()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("patch", [{}, {76: np.array([0.0], "<f4")}])
def test_a_qform_alone_places_the_volume(tmp_path: Path, patch: Any) -> None:
    """Its handedness (pixdim[0]) counts as 1 where it is 0."""
    volume = read_study([written(tmp_path / "v.nii", chest()[1], patch=patch)]).volume
    assert volume is not None
    np.testing.assert_array_equal(volume.hu, truth(volume))


@pytest.mark.parametrize(("unit", "scale"), [(1, 1e-3), (3, 1e3)])
def test_metres_and_micrometres_are_told_by_their_unit(
    tmp_path: Path, unit: int, scale: float
) -> None:
    affine = np.diag([scale, scale, scale, 1]) @ chest()[1]
    path = written(tmp_path / "v.nii", affine, patch={123: np.array([unit], "u1")})
    volume = read_study([path]).volume
    assert volume is not None
    np.testing.assert_allclose(volume.spacing, (5.0, 6.0, 6.0), rtol=1e-5)


@pytest.mark.parametrize("other", [np.diag([-1.0, 1, 1, 1]), np.diag([1.1, 1, 1, 1])])
def test_two_forms_that_contradict_each_other_are_refused(tmp_path: Path, other: Any) -> None:
    affine = chest()[1]
    path = written(tmp_path / "v.nii", affine, sform=affine @ other)
    assert codes(path) == {"contradicting_orientation"}
    near = affine + np.diag([0.01, 0, 0, 0])
    assert codes(written(tmp_path / "v.nii", affine, sform=near)) == set()


@pytest.mark.parametrize(
    ("degrees", "code"), [((0, 0, 20), "oblique"), ((0, 0, 5), None), ((12, 0, 0), "oblique")]
)
def test_an_oblique_volume_is_straightened_with_a_warning(
    tmp_path: Path, degrees: tuple[float, float, float], code: str | None
) -> None:
    how = turned(*degrees)
    values = np.stack([how.pixels(at) for at in range(how.count)]).transpose(2, 1, 0)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = np.array(how.across) * 6, np.array(how.down) * 6
    affine[:3, 2], affine[:3, 3] = how.step, how.origin(0)
    path = nifti(tmp_path, values.astype("i2"), np.diag([-1, -1, 1, 1]) @ affine)
    study = read_study([path])
    assert {each.code for each in study.verdicts[0].reasons if each.severity == 1} == (
        {code} if code else set()
    )
    assert study.volume is not None
    assert study.volume.resampled == bool(code)
    known = study.volume.hu > -1024
    assert np.abs(study.volume.hu - truth(study.volume))[known].mean() < 30


def test_a_volume_that_slants_is_straightened_or_refused(tmp_path: Path) -> None:
    values, affine = chest()
    for degrees, status in ((10, "usable_with_warning"), (40, "refused")):
        slant = affine.copy()
        slant[1, 2] = 5 * np.tan(np.radians(degrees))
        (found,) = gate([nifti(tmp_path, values.astype("i2"), slant)])
        assert "gantry_tilt" in {each.code for each in found.reasons}
        assert found.status == status


def test_thick_slices_of_a_nifti_file_are_told(tmp_path: Path) -> None:
    values, affine = chest()
    path = nifti(tmp_path, values[:, :, ::2].astype("i2"), affine @ np.diag([1, 1, 2, 1.0]))
    assert codes(path) == {"thick_slices"}


@pytest.mark.parametrize(("at", "size"), [(42, 60), (46, 40)])
def test_sizes_that_leave_data_over_are_refused_with_what_is_left(
    tmp_path: Path, at: int, size: int
) -> None:
    affine = chest()[1]
    path = written(tmp_path / "v.nii", affine, patch={at: np.array([size], "<i2")})
    assert codes(path) == {"bad_value"}
    left = 2 * (64 * 64 * 50 - size * (64 * 50 if at == 42 else 64 * 64))
    assert f"{left} bytes are left over" in gate([path])[0].reasons[-1].text.en


def test_half_a_pair_of_files_says_what_to_send(tmp_path: Path) -> None:
    values, affine = chest()
    Nifti1Pair(values.astype("i2"), affine).to_filename(tmp_path / "v.img")
    (found,) = gate([tmp_path / "v.hdr"])
    assert found.reasons[-1].code == "bad_value"
    assert "as one .nii" in found.reasons[-1].text.en


def test_unsigned_padding_below_zero_is_air(tmp_path: Path) -> None:
    values, affine = chest()
    stored = (values + 1024).astype("u2")
    stored[:3] = 63536
    path = nifti(tmp_path, stored, affine, "v.nii")
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([1.0, -1024.0], "<f4").tobytes()
    path.write_bytes(content)
    volume = read_study([path]).volume
    assert volume is not None
    assert (volume.hu[:, :, :3] == -1024).all()
