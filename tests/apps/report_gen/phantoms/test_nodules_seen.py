"""A nodule that nothing can be seen of is none."""

import torch

from apps.report_gen.phantoms.canvas import canvas
from apps.report_gen.phantoms.grid import Chance, Grid
from apps.report_gen.phantoms.nodules import LEAST_CONTRAST, Lesion, stands_out

GRID = Grid(shape=(16, 16, 16), spacing=(2.0, 1.6, 1.6))


def lesion(value: float, around: float) -> bool:
    board = canvas(GRID, Chance(1))
    board.hu.fill_(around)
    mask = torch.zeros(GRID.shape, dtype=torch.bool)
    mask[6:10, 6:10, 6:10] = True
    board.hu[mask] = value
    box = (slice(0, 16), slice(0, 16), slice(0, 16))
    return stands_out(board, Lesion("lung_nodule", (0.0, 0.0, 0.0), box, mask))


def test_what_fluid_was_drawn_over_does_not_stand_out_and_what_lies_in_lung_does() -> None:
    assert not lesion(8.0, 8.0)
    assert not lesion(30.0, 8.0)
    assert lesion(30.0, -850.0)
    assert lesion(-850.0 + LEAST_CONTRAST + 1, -850.0)


def test_a_lesion_of_no_voxel_does_not_stand_out() -> None:
    board = canvas(GRID, Chance(1))
    box = (slice(0, 16), slice(0, 16), slice(0, 16))
    empty = torch.zeros(GRID.shape, dtype=torch.bool)
    assert not stands_out(board, Lesion("lung_nodule", (0.0, 0.0, 0.0), box, empty))
