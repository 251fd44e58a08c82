"""Static batch sizes: which one takes a batch, and how a large batch is cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core_kernels.errors import ArgumentRefused

BUCKETS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Rows ``start : start + count`` of a batch, run as a batch of `bucket`."""

    start: int
    count: int
    bucket: int


def check_buckets(buckets: Sequence[int]) -> tuple[int, ...]:
    """The sizes, if they are some that can be used.

    Raises:
        ArgumentRefused: they are not positive and rising.
    """
    sizes = tuple(buckets)
    if not sizes or sizes[0] < 1 or any(low >= high for low, high in pairwise(sizes)):
        raise ArgumentRefused(
            f"buckets={list(sizes)} must be positive and rising, e.g. {list(BUCKETS)}."
        )
    return sizes


def bucket_for(count: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds `count` rows, or the largest one if none does."""
    return next((size for size in buckets if size >= count), buckets[-1])


def pieces(count: int, buckets: Sequence[int]) -> Iterator[Piece]:
    """Cut a batch of `count` rows: the largest bucket as often as it is full, then what is left."""
    start = 0
    while start < count:
        bucket = bucket_for(count - start, buckets)
        taken = min(bucket, count - start)
        yield Piece(start=start, count=taken, bucket=bucket)
        start += taken
