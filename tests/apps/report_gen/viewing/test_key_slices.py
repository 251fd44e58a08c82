"""The picture of a finding: the right slice, the right side up, outlined around what is there."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from apps.report_gen.masks import packed
from apps.report_gen.schema import Grid, StudyResult
from apps.report_gen.viewing.key_slices import OUTLINE, key_slice
from apps.report_gen.viewing.nifti import nifti
from apps.report_gen.viewing.volumes import small
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen import studies
from tests.apps.report_gen.desk import result
from tests.apps.report_gen.outputs.made import Made, study

RAS = studies.NODULE * (-1.0, -1.0, 1.0)


def placed(made: Made) -> StudyResult:
    """A result that says of a study where its nodule is, with its mask."""
    volume = made.volume
    grid = Grid.model_validate(
        {"shape": volume.shape, "spacing": volume.spacing, "affine": volume.affine.tolist()}
    )
    plain = result()
    masks = plain.masks
    assert masks is not None
    voxel = volume.from_patient(np.array([RAS]))[0]
    centre = tuple(float(at * mm) for at, mm in zip(voxel, volume.spacing, strict=True))
    nodule = plain.findings[0].model_copy(update={"centre": centre})
    return plain.model_copy(
        update={
            "volume": grid,
            "findings": (nodule, *plain.findings[1:]),
            "masks": masks.model_copy(update={"grid": grid, "labels": packed(made.masks.labels)}),
        }
    )


@pytest.mark.parametrize(
    "taken", [studies.Taken(), studies.turned(5.0, 4.0, -6.0)], ids=["straight", "turned"]
)
def test_the_nodule_is_outlined_where_it_lies(taken: studies.Taken, tmp_path: Path) -> None:
    made = study(tmp_path, taken)
    file = tmp_path / "small.nii.gz"
    file.write_bytes(nifti(*small(made.volume)))
    picture: NDArray[np.uint8] = np.asarray(
        Image.open(io.BytesIO(key_slice(file, placed(made), "lung_nodule.1")))
    )
    assert max(picture.shape[:2]) == 420
    ring = np.argwhere((picture == OUTLINE).all(axis=2))
    assert len(ring) > 20
    middle = ring.mean(axis=0)
    # The patient's right, where the nodule is, stands on the left; it is in the middle from front
    # to back.
    assert middle[1] < 0.42 * picture.shape[1]
    assert abs(middle[0] / picture.shape[0] - 0.5) < 0.08
    # Within the outline is the nodule, which is dense; beyond it is lung, which is not.
    inside = picture[round(middle[0]), round(middle[1])]
    beyond = picture[round(middle[0]), round(ring[:, 1].min() - 14)]
    assert int(inside.max()) > 200
    assert int(beyond.max()) < 110


def test_a_finding_without_a_place_has_no_slice(tmp_path: Path) -> None:
    for finding in ("pneumothorax", "nothing", "", "../x"):
        with pytest.raises(InputRefused, match="no place"):
            key_slice(tmp_path / "none", result(), finding)
