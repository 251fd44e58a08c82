"""A mask holds only what nothing was drawn over."""

import pytest
import torch

from apps.report_gen.findings import KEYS
from apps.report_gen.phantoms.covering import (
    DENSEST_EMPHYSEMA,
    HIDES,
    OVER_LESIONS,
    bit,
    cover,
    left_to_see,
    only_thin,
)
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import make
from apps.report_gen.phantoms.wanted import Scan, Wanted

LINE = (1, 1, 4)


def mask(*columns: int) -> torch.Tensor:
    made = torch.zeros(LINE, dtype=torch.bool)
    made[..., list(columns)] = True
    return made


@pytest.mark.parametrize(("kind", "hidden"), [(a, b) for a, many in HIDES.items() for b in many])
def test_what_is_drawn_over_another_takes_its_voxels_and_no_others(kind: str, hidden: str) -> None:
    regions = torch.zeros(LINE, dtype=torch.int16)
    cover(regions, hidden, mask(0, 1, 2))
    cover(regions, kind, mask(2, 3))
    assert regions.flatten().tolist() == [bit(hidden), bit(hidden), bit(kind), bit(kind)]


@pytest.mark.parametrize("kind", KEYS)
def test_a_kind_never_hides_itself_and_is_written_where_it_was_drawn(kind: str) -> None:
    regions = torch.zeros(LINE, dtype=torch.int16)
    cover(regions, kind, mask(0))
    cover(regions, kind, mask(1))
    assert regions.flatten().tolist() == [bit(kind), bit(kind), 0, 0]


def test_calcium_in_a_vessel_stays_under_fluid() -> None:
    regions = torch.zeros(LINE, dtype=torch.int16)
    cover(regions, "coronary_calcification", mask(0))
    cover(regions, "pleural_effusion", mask(0))
    assert int(regions[0, 0, 0]) == bit("coronary_calcification") | bit("pleural_effusion")


def test_of_a_lesion_the_part_under_fluid_or_air_is_gone() -> None:
    regions = torch.zeros(LINE, dtype=torch.int16)
    for column, kind in enumerate(OVER_LESIONS):
        cover(regions, kind, mask(column))
    cover(regions, "consolidation", mask(2))
    assert left_to_see(regions, mask(0, 1, 2, 3)).flatten().tolist() == [False, False, True, True]


def test_lung_that_was_pressed_together_shows_no_emphysema() -> None:
    regions = torch.zeros(LINE, dtype=torch.int16)
    cover(regions, "emphysema", mask(0, 1))
    cover(regions, "pneumothorax", mask(3))
    dense = DENSEST_EMPHYSEMA + 1
    only_thin(regions, torch.tensor([dense - 2, dense, dense, dense]).view(LINE))
    assert regions.flatten().tolist() == [bit("emphysema"), 0, 0, bit("pneumothorax")]


def test_in_a_phantom_the_air_around_a_lung_is_neither_emphysema_nor_lung_disease() -> None:
    grid = Grid(shape=(40, 56, 56), spacing=(8.0, 6.4, 6.4))
    kinds = frozenset({"emphysema", "pneumothorax", "lung_opacity", "consolidation", "mass"})
    phantom = make(3, grid, Wanted(findings=kinds, scan=Scan(noise=0.0)))
    air = (phantom.regions & bit("pneumothorax")) > 0
    assert air.any()
    for kind in kinds - {"pneumothorax"}:
        inside = (phantom.regions & bit(kind)) > 0
        assert inside.any(), kind
        assert not (inside & air).any(), kind
