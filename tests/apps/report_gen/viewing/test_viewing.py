"""What the viewer is sent: read back by nibabel, places where the masks are."""

import gzip
import io
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from apps.report_gen.findings import KEYS
from apps.report_gen.viewing import masks, slices, volumes
from apps.report_gen.viewing.nifti import nifti
from apps.report_gen.viewing.parts import parts
from apps.report_gen.volume import Volume, straight_affine
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen.desk import result


def opened(data: bytes) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(gzip.decompress(data))


@pytest.fixture
def volume() -> Volume:
    draw = np.random.default_rng(3)
    hu = draw.integers(-1024, 1200, (40, 200, 210), dtype=np.int16)
    spacing = (2.5, 0.8, 0.7)
    return Volume(hu=hu, spacing=spacing, affine=straight_affine(spacing, (-70.0, -80.0, -300.0)))


def test_a_volume_is_read_back_by_nibabel_voxel_by_voxel(volume: Volume) -> None:
    found = opened(nifti(volume.hu, volume.affine))
    assert np.array_equal(np.asarray(found.dataobj), volume.hu.T)
    assert np.allclose(found.affine, volume.affine, atol=1e-5)
    assert np.allclose(found.header.get_zooms(), volume.spacing[::-1])


def test_the_small_volume_shows_the_same_places(volume: Volume) -> None:
    means, affine = volumes.small(volume)
    assert all(have <= most for have, most in zip(means.shape, volumes.SMALL, strict=True))
    step = np.array(volume.shape) // np.array(means.shape)
    assert tuple(step) == (1, 2, 2)
    block = volume.hu[5, 20:22, 30:32].astype(float)
    assert means[5, 10, 15] == np.rint(block.mean())
    middle = affine @ np.array([15, 10, 5, 1.0])
    assert np.allclose(middle[:3], volume.to_patient(np.array([5, 20.5, 30.5])))


def test_masks_are_labels_of_findings_and_kinds_on_the_right_voxels() -> None:
    made = result()
    assert made.masks is not None
    found = opened(masks.nifti_of(made.masks))
    voxels = np.asarray(found.dataobj).T
    effusion = masks.REGIONS_FROM + KEYS.index("pleural_effusion")
    assert set(np.unique(voxels)) == {0, 1, effusion}
    assert (voxels[7:9, 7:9, 9:11] == 1).all()
    assert (voxels[2:6, 4:12, 2:10] == effusion).all()
    assert int(found.header["intent_code"]) == 1002


def test_every_finding_with_a_mask_has_its_middle_inside_it() -> None:
    made = result()
    assert made.masks is not None
    voxels = masks.numbered(made.masks)
    found = masks.places(made)
    assert set(found) == {"lung_nodule.1", "pleural_effusion"}
    for placed in found.values():
        assert placed.centre is not None
        z, y, x = (round(c / s) for c, s in zip(placed.centre[::-1], (5.0, 8.0, 8.0), strict=True))
        assert voxels[z, y, x] == placed.number


def test_places_go_to_the_patient_and_back() -> None:
    made = result()
    assert made.volume is not None
    there = masks.ras_of(made.volume, (40.0, 60.0, 80.0))
    assert np.allclose(masks.millimetres_of(made.volume, there), (40.0, 60.0, 80.0))


def test_a_slice_is_drawn_as_radiologists_look_at_it(volume: Volume, tmp_path: Path) -> None:
    volume.hu[:] = -1000
    volume.hu[-1, -1, -1] = 1000
    path = tmp_path / "volume.nii.gz"
    path.write_bytes(nifti(volume.hu, volume.affine))
    picture = np.asarray(Image.open(io.BytesIO(slices.axial(path, 0, "lung"))))
    assert picture.shape == (200, 210)
    assert picture[0, 0] == 255
    assert picture[-1, -1] < 80
    assert slices.axial(path, 10_000, "lung") == slices.axial(path, 39, "lung")


def test_what_a_viewer_cannot_take_is_refused() -> None:
    with pytest.raises(InputRefused, match="uint8 or int16"):
        nifti(np.zeros((2, 2, 2), np.float32), np.eye(4))


@pytest.mark.parametrize("data", [b"", b"\x00" * 7, b"\x05" + b"\x00" * 7 + b"short"])
def test_damaged_parts_are_refused(data: bytes) -> None:
    with pytest.raises(InputRefused):
        parts(data)
