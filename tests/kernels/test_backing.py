"""Memory behind a growing array is present before it is written, and holds what it held."""

import ctypes
import mmap
import os
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from core_kernels.dispatch.growing import Readying, longer, ready
from core_kernels.structures import backing

PAGE = mmap.PAGESIZE
MIB = 2**20


def _present(array: NDArray[np.int64], start: int, stop: int) -> float:
    """The share of an array's pages between two bytes that are in memory (`mincore`)."""
    pages = (stop - start) // PAGE
    told = (ctypes.c_ubyte * pages)()
    place = ctypes.c_void_p(array.ctypes.data + start)
    if ctypes.CDLL(None).mincore(place, ctypes.c_size_t(pages * PAGE), told) != 0:
        pytest.skip("this system does not tell which pages are present")
    return sum(page & 1 for page in told) / pages


def _in_time(array: NDArray[np.int64], start: int, stop: int) -> bool:
    for _ in range(500):
        if _present(array, start, stop) == 1:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def populated() -> None:
    if tuple(int(part) for part in os.uname().release.split(".")[:2]) < (5, 14):
        pytest.skip("MADV_POPULATE_WRITE came with Linux 5.14")


@pytest.mark.usefixtures("populated")
def test_what_is_behind_is_present_before_it_is_written() -> None:
    array = longer(np.zeros(1, np.int64), 8 * MIB)
    written = 16 * MIB
    assert _present(array, written, written + backing.AHEAD) < 1
    ready(array, written // 8)
    assert _in_time(array, written, written + backing.AHEAD)
    assert _present(array, 40 * MIB, 60 * MIB) == 0  # and no more than that


@pytest.mark.usefixtures("populated")
def test_what_was_written_stays() -> None:
    array = longer(np.zeros(1, np.int64), 8 * MIB)
    array[: 4 * MIB] = np.arange(4 * MIB)
    ready(array, 2 * MIB)
    assert _in_time(array, 16 * MIB, 20 * MIB)
    assert np.array_equal(array[: 4 * MIB], np.arange(4 * MIB))
    assert not array[4 * MIB :: 1000].any()


@pytest.mark.usefixtures("populated")
def test_a_table_is_ready_when_it_is_taken() -> None:
    coming, like = Readying(), np.zeros((1, 4), np.int64)
    for _ in range(400):
        coming.get_on(300_000, like, 50)
    table = coming.take(300_000, like)
    assert table.shape == (300_000, 4)
    assert not table.any()
    again = Readying()
    for _ in range(400):
        again.get_on(300_000, like, 50)
    assert again._array is not None
    assert _in_time(again._array, 0, 8 * MIB)


def test_an_array_without_a_stretch_is_left_alone() -> None:
    small = np.zeros(10, np.int64)
    ready(small, 10)
    ready(small[:5], 5)
    assert small.tolist() == [0] * 10


def test_where_pages_cannot_be_given_before_writing_gets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backing._hand_of.cache_clear()
    monkeypatch.setattr(backing, "_ADVICE", 12_345)
    array = longer(np.zeros(1, np.int64), 8 * MIB)
    ready(array, 2 * MIB)
    array[-1] = 7
    assert int(array.sum()) == 7
    backing._hand_of.cache_clear()
