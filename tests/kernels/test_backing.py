"""Memory behind a growing array is present before it is written, and holds what it held."""

import ctypes
import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core_kernels.dispatch.growing import Readying, apart, joined, longer, ready
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


def _until(true: Callable[[], bool]) -> bool:
    for _ in range(500):
        if true():
            return True
        time.sleep(0.01)
    return False


def _in_time(array: NDArray[np.int64], start: int, stop: int) -> bool:
    return _until(lambda: _present(array, start, stop) == 1)


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
    monkeypatch.setitem(backing._ADVICE, "ready", 12_345)
    array = longer(np.zeros(1, np.int64), 8 * MIB)
    ready(array, 2 * MIB)
    array[-1] = 7
    assert int(array.sum()) == 7
    backing._hand_of.cache_clear()


def _mapped(array: NDArray[np.int64], field: str) -> int:
    """Bytes of an array's mapping that Linux tells under a name in ``smaps``."""
    start, here = f"{array.ctypes.data:x}-", False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            here = line.startswith(start)
        elif here and line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


@contextmanager
def _forked() -> Iterator[None]:
    """Within it a child shares all memory."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writes)
        os.read(reads, 1)  # until the parent is through with it
        os._exit(0)
    try:
        yield
    finally:
        os.close(reads)
        os.close(writes)
        os.waitpid(child, 0)


def _written(rows: int) -> NDArray[np.int64]:
    array = longer(np.zeros(1, np.int64), 2 * rows)
    array[:rows] = np.arange(rows)
    ready(array, rows)
    assert _in_time(array, 0, rows * 8)
    return array


def _shared(array: NDArray[np.int64]) -> int:
    return _mapped(array, "Shared_Dirty") + _mapped(array, "Shared_Clean")


@pytest.mark.usefixtures("populated")
def test_memory_that_a_fork_shares_is_this_processs_own_again_soon() -> None:
    array = _written(2 * MIB)
    with _forked():
        assert _shared(array) >= 16 * MIB
        apart()
        assert _until(lambda: _shared(array) == 0)
        assert np.array_equal(array[: 2 * MIB], np.arange(2 * MIB))


@pytest.mark.usefixtures("populated")
def test_large_pages_that_a_fork_took_apart_are_joined_again() -> None:
    array = _written(2 * MIB)
    large = _mapped(array, "AnonHugePages")
    if large < 16 * MIB:
        pytest.skip("this system gives no large pages")
    with _forked():
        array[: 2 * MIB : 512] += 1
        assert _mapped(array, "AnonHugePages") < large
    joined()
    if not _until(lambda: _mapped(array, "AnonHugePages") >= 16 * MIB):
        pytest.skip("MADV_COLLAPSE came with Linux 6.1, and needs large pages that are free")
    array[: 2 * MIB : 512] -= 1
    assert np.array_equal(array[: 2 * MIB], np.arange(2 * MIB))
