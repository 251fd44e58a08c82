"""A view into a slab never reaches outside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loupe.sandbox.slab import ALIGNMENT, OutsideSlab, Slab, layout, room_for

SIZE = 4096


@settings(deadline=None)
@given(
    dtype=st.sampled_from(["uint8", "float32", "float64", "bool"]),
    shape=st.lists(st.integers(-2, 2**40), max_size=4),
    offset=st.integers(-10, 2**62),
)
def test_a_view_lies_within_the_slab_or_is_refused(
    dtype: str, shape: list[int], offset: int
) -> None:
    with Slab.private(SIZE) as slab:
        try:
            view = slab.array(dtype, shape, offset)
        except OutsideSlab:
            return
        start = view.__array_interface__["data"][0] if view.size else slab.address
        assert slab.address <= start
        assert start + view.nbytes <= slab.address + SIZE
        assert view.shape == tuple(shape)


def test_objects_cannot_be_read_from_a_slab() -> None:
    with Slab.private(SIZE) as slab, pytest.raises(OutsideSlab, match="may not cross"):
        slab.array("O", (1,))


def test_a_slab_finds_the_arrays_that_lie_in_it() -> None:
    with Slab.private(SIZE) as slab:
        assert slab.offset_of(slab.array("uint8", (16,), 128)) == 128
        assert slab.offset_of(np.zeros(16, np.uint8)) is None
        assert slab.offset_of(slab.array("uint8", (64,))[::2]) is None
        assert slab.touches(slab.array("uint8", (64,))[::2])


def test_a_view_outlives_a_slab_that_was_unmapped() -> None:
    slab = Slab.private(SIZE)
    view = slab.array("uint8", (4,))
    view[:] = 7
    slab.close()
    assert view.tolist() == [7, 7, 7, 7]


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000)))
def test_arrays_laid_out_side_by_side_do_not_overlap(sizes: list[int]) -> None:
    offsets = list(layout(sizes))
    ends = [offset + size for offset, size in zip(offsets, sizes, strict=True)]
    assert all(offset % ALIGNMENT == 0 for offset in offsets)
    assert all(end <= start for end, start in zip(ends, offsets[1:], strict=False))
    assert not ends or ends[-1] <= room_for(sizes)
