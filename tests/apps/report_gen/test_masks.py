"""Masks survive being text, and damaged text is refused."""

import numpy as np
import pytest

from apps.report_gen.findings import KEYS
from apps.report_gen.masks import as_bits, labels_of, packed, region_of, unpacked
from apps.report_gen.schema import Grid, Masks
from loupe.contract.runtime.errors import InputRefused

EYE = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def _masks() -> tuple[Masks, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(3)
    labels = chance.integers(0, 4, (6, 8, 10)).astype(np.uint8)
    regions = chance.random((len(KEYS), 3, 4, 5)) > 0.5
    made = Masks(
        grid=Grid(shape=(6, 8, 10), spacing=(2.0, 1.6, 1.6), affine=EYE),
        labels=packed(labels),
        region_grid=Grid(shape=(3, 4, 5), spacing=(4.0, 3.2, 3.2), affine=EYE),
        regions=packed(as_bits(regions)),
    )
    return made, labels, regions


def test_every_voxel_comes_back() -> None:
    masks, labels, regions = _masks()
    assert (labels_of(masks) == labels).all()
    for number, kind in enumerate(KEYS):
        assert (region_of(masks, kind) == regions[number]).all()


def test_an_empty_mask_of_eight_million_voxels_takes_little() -> None:
    assert len(packed(np.zeros((160, 224, 224), np.uint8))) < 16_000


@pytest.mark.parametrize("text", ["", "not base64!", packed(np.zeros(7, np.uint8))])
def test_a_damaged_mask_is_refused(text: str) -> None:
    with pytest.raises(InputRefused, match="damaged"):
        unpacked(text, (6, 8, 10), np.uint8)


def test_a_mask_that_unpacks_to_more_than_its_grid_is_refused() -> None:
    with pytest.raises(InputRefused, match="damaged"):
        unpacked(packed(np.zeros(10_000_000, np.uint8)), (6, 8, 10), np.uint8)


def test_a_kind_that_has_no_region_is_refused_with_those_that_have() -> None:
    masks, _, _ = _masks()
    with pytest.raises(InputRefused, match="lung_nodule"):
        region_of(masks, "gout")
