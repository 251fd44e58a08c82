"""A volume knows where its voxels lie, and refuses what is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.report_gen.volume import Volume, straight_affine
from loupe.contract.runtime.errors import InputRefused

HU = np.zeros((4, 5, 6), dtype=np.int16)
SPACING = (5.0, 0.7, 0.8)


def test_the_last_index_runs_to_the_right_and_the_first_to_the_head() -> None:
    volume = Volume(hu=HU, spacing=SPACING, affine=straight_affine(SPACING, (-10.0, 20.0, 30.0)))
    np.testing.assert_allclose(volume.to_patient(np.array([0.0, 0, 0])), [-10, 20, 30])
    np.testing.assert_allclose(volume.to_patient(np.array([1.0, 2, 3])), [-7.6, 21.4, 35])


@given(st.tuples(*[st.floats(-500, 500)] * 3), st.tuples(*[st.floats(-3, 3)] * 3))
def test_there_and_back_is_the_same_place(
    place: tuple[float, ...], turn: tuple[float, ...]
) -> None:
    affine = straight_affine(SPACING, (place[0], place[1], place[2]))
    for at, angle in enumerate(turn):
        rotation = np.eye(4)
        first, second = (at + 1) % 3, (at + 2) % 3
        rotation[first, first] = rotation[second, second] = np.cos(angle)
        rotation[first, second], rotation[second, first] = -np.sin(angle), np.sin(angle)
        affine = rotation @ affine
    volume = Volume(hu=HU, spacing=SPACING, affine=affine)
    index = np.array([[1.5, 2.0, 3.25], [0.0, -4.0, 9.0]])
    np.testing.assert_allclose(volume.from_patient(volume.to_patient(index)), index, atol=1e-8)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hu": HU.astype(np.float32)}, "volume_shape"),
        ({"hu": HU[0]}, "volume_shape"),
        ({"hu": HU[:0]}, "volume_shape"),
        ({"spacing": (float("nan"), 1.0, 1.0)}, "volume_spacing"),
        ({"spacing": (0.0, 1.0, 1.0)}, "volume_spacing"),
        ({"affine": np.full((4, 4), np.inf)}, "volume_affine"),
        ({"affine": np.eye(3)}, "volume_affine"),
    ],
)
def test_what_is_no_volume_is_refused(change: dict, code: str) -> None:
    with pytest.raises(InputRefused) as refused:
        Volume(**{"hu": HU, "spacing": SPACING, "affine": straight_affine(SPACING), **change})
    assert refused.value.code == code
