"""`tile` against slices of the frame, and itself."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core_kernels.dispatch.choice import using
from core_kernels.dispatch.tile import tile
from core_kernels.errors import ArgumentRefused
from core_kernels.reference.tile import corners

NAMES = ["triton", "reference"] + (["numba"] if not torch.cuda.is_available() else [])
SHAPES = [(60, 90, 3), (20, 75, 3), (50, 45), (32, 32, 3), (10, 15, 1)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_tile_is_a_slice_of_the_frame(
    name: str, shape: tuple[int, ...], device: torch.device
) -> None:
    frame = np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)
    with using(tile=name):
        tiles, places = tile(frame, 32, overlap=8, dtype=torch.float32, device=device)
    three = np.broadcast_to(frame.reshape(*shape[:2], -1), (*shape[:2], 3))[:, :, ::-1]
    for picture, (left, top) in zip(tiles.cpu().numpy(), places.tolist(), strict=True):
        part = three[top : top + 32, left : left + 32]
        grey = np.full((32, 32, 3), 114, np.uint8)
        x, y = (32 - part.shape[1]) // 2, (32 - part.shape[0]) // 2
        grey[y : y + part.shape[0], x : x + part.shape[1]] = part
        assert np.array_equal(picture, grey.transpose(2, 0, 1).astype(np.float32) / np.float32(255))


@settings(max_examples=100, deadline=None)
@given(width=st.integers(1, 5000), height=st.integers(1, 3000), size=st.sampled_from([320, 640]))
def test_tiles_cover_the_frame_and_share_the_overlap(width: int, height: int, size: int) -> None:
    places = corners(width, height, size, 128)
    for axis, length in ((0, width), (1, height)):
        starts = sorted({place[axis] for place in places})
        assert starts[0] == 0
        assert length <= size or starts[-1] == length - size
        assert all(after - before <= size - 128 for before, after in pairwise(starts))
    assert len(places) == len(set(places))


def test_a_view_in_red_first_order_is_read_where_it_lies(device: torch.device) -> None:
    frame = torch.randint(0, 256, (100, 140, 3), dtype=torch.uint8, device=device)
    view = frame[4:90:2, 10:]
    tiles, places = tile(view, 32, overlap=8, dtype=torch.float32, order="rgb")
    left, top = places[5].tolist()
    part = view[top : top + 32, left : left + 32].permute(2, 0, 1).cpu().float() / 255
    assert torch.equal(tiles[5].cpu(), part)


def test_it_compiles_whole(device: torch.device) -> None:
    frame = torch.randint(0, 256, (40, 50, 3), dtype=torch.uint8, device=device)
    places = torch.tensor([[0, 0], [18, 8]], dtype=torch.int32, device=device)

    def halved(frame: Tensor) -> Tensor:
        tiles: Tensor = torch.ops.core_kernels.tile(frame, places, 32, True, torch.float32, 114)
        return tiles / 2

    compiled = torch.compile(halved, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(frame), halved(frame))


def test_it_passes_opcheck_and_refuses_an_overlap_of_the_whole_tile(device: torch.device) -> None:
    frame = torch.randint(0, 256, (20, 30, 3), dtype=torch.uint8, device=device)
    places = torch.tensor([[0, 0], [14, 4]], dtype=torch.int32, device=device)
    given_to = (frame, places, 16, True, torch.float32, 114)
    torch.library.opcheck(torch.ops.core_kernels.tile, given_to)
    with pytest.raises(ArgumentRefused, match="overlap is 64"):
        tile(frame, 64, overlap=64)
