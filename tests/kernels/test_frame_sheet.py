"""What a recorded graph reads: the rows of `table_of`, the limits, and where the frames lie."""

import numpy as np
import pytest
import torch

from core_kernels.dispatch.choice import using
from core_kernels.dispatch.frames import View
from core_kernels.dispatch.letterbox import letterbox_packed, table_of
from core_kernels.modules.frame_sheet import Sheet, limits_in, table_in
from core_kernels.modules.frame_slots import PIECE, copy_in

VIEWS = [View.packed(0, 40, 30), View.packed(3600, 48, 64).part(8, 16, 100, 32)]


def test_a_sheet_holds_the_limits_and_the_rows_of_the_table() -> None:
    sheet = Sheet(4, pinned=False)
    sheet.host.fill_(-1)  # what was there before is gone
    sheet.write(VIEWS, 32, 4, (0.3, 0.7))
    assert torch.equal(limits_in(sheet.host), torch.tensor([0.3, 0.7]))
    table = table_in(sheet.host)
    assert torch.equal(table[:2], table_of(VIEWS, (32, 32)))
    assert not table[2:].any()
    sheet.write([], 32, 1, (0.0, 1.0))
    assert limits_in(sheet.host).tolist() == [0, 1]
    assert not table_in(sheet.host)[0].any()
    assert torch.equal(table_in(sheet.host)[1:2], table_of(VIEWS[1:], (32, 32)))


def test_one_graph_reads_frames_wherever_the_sheet_says_they_lie(device: torch.device) -> None:
    random = np.random.default_rng(1)
    sheet, origin = Sheet(2, pinned=False), torch.zeros(1, dtype=torch.uint8, device=device)
    there = torch.zeros_like(sheet.host, device=device)
    for _ in range(2):
        slab = torch.from_numpy(random.integers(0, 256, 20_000, np.uint8)).to(device)
        sheet.write(VIEWS, 32, 2, (0.5, 0.5), slab.data_ptr() - origin.data_ptr())
        there.copy_(sheet.host)
        with using(letterbox="triton"):
            seen, _ = letterbox_packed([origin], table_in(there), (32, 32), dtype=torch.float32)
            expected, _ = letterbox_packed(
                [slab], table_of(VIEWS, (32, 32)).to(device), (32, 32), dtype=torch.float32
            )
        assert torch.equal(seen, expected)


@pytest.mark.parametrize("step", [1, 2])
def test_frames_are_copied_whole_into_a_slab_also_in_pieces(step: int) -> None:
    random = np.random.default_rng(2)
    shapes = [(3, 5, 3), (2 * PIECE // 3000 + 7, 1000, 3), (1, PIECE + 1), (6, 4, 1)]
    frames = [random.integers(0, 256, shape, np.uint8)[::step] for shape in shapes]
    starts = np.cumsum([0, *(frame.size + 5 for frame in frames)]).tolist()
    slab = np.full(starts.pop() + 1, 9, np.uint8)
    copy_in(frames, starts, slab)
    for frame, start in zip(frames, starts, strict=True):
        assert np.array_equal(slab[start : start + frame.size], frame.reshape(-1))
        assert (slab[start + frame.size :][:5] == 9).all()
