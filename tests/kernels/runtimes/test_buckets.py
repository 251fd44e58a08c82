"""Every row of a batch is run once, in a batch of a size that there is a graph for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_kernels.errors import ArgumentRefused
from core_kernels.runtimes.buckets import BUCKETS, bucket_for, check_buckets, pieces


@given(st.integers(1, 1000))
def test_pieces_cover_every_row_once_in_order(count: int) -> None:
    cut = list(pieces(count, BUCKETS))
    rows = [row for piece in cut for row in range(piece.start, piece.start + piece.count)]
    assert rows == list(range(count))
    assert all(piece.bucket in BUCKETS and piece.count <= piece.bucket for piece in cut)


@given(st.integers(1, 1000))
def test_less_than_half_of_a_batch_is_padding(count: int) -> None:
    run = sum(piece.bucket for piece in pieces(count, BUCKETS))
    assert run < 2 * count


def test_the_smallest_bucket_that_holds_the_batch_is_taken() -> None:
    assert [bucket_for(count, BUCKETS) for count in (1, 2, 3, 33, 64, 65)] == [1, 2, 4, 64, 64, 64]


@pytest.mark.parametrize("sizes", [(), (0, 1), (2, 2), (4, 2)])
def test_sizes_that_cannot_be_used_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ArgumentRefused, match="positive and rising"):
        check_buckets(sizes)
