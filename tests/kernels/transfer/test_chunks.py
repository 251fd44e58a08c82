"""A volume is read whole in chunks, ahead of the reader, in less memory than two chunks."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_kernels.errors import ArgumentRefused
from core_kernels.transfer.chunks import ArraySource, RawFile, chunks, planes_within

ROOT = Path(__file__).resolve().parents[3]


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 3))
def test_every_plane_comes_once_as_its_own_and_beside_others_as_overlap(
    depth: int, own: int, overlap: int
) -> None:
    volume = np.arange(depth * 6).reshape(depth, 2, 3)
    seen = []
    for chunk in chunks(ArraySource(array=volume), own + 2 * overlap, overlap=overlap):
        np.testing.assert_array_equal(
            chunk.planes, volume[chunk.start : chunk.start + len(chunk.planes)]
        )
        assert chunk.before <= overlap
        assert chunk.after <= overlap
        mine = chunk.planes[chunk.before : len(chunk.planes) - chunk.after]
        seen.append(mine.copy())
    np.testing.assert_array_equal(np.concatenate(seen), volume)


def test_a_file_is_read_from_its_offset(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).integers(-1000, 1000, (9, 4, 5)).astype(np.int16)
    path = tmp_path / "volume.raw"
    path.write_bytes(b"head" + volume.tobytes())
    source = RawFile(path=path, shape=volume.shape, dtype=volume.dtype, offset=4)
    read = np.concatenate([chunk.planes.copy() for chunk in chunks(source, 4)])
    np.testing.assert_array_equal(read, volume)


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.raw"
    path.write_bytes(bytes(100))
    source = RawFile(path=path, shape=(9, 4, 5), dtype=np.dtype(np.int16))
    with pytest.raises(ArgumentRefused, match="ends 220 bytes before plane 8"):
        list(chunks(source, 8))


class Watched:
    """A source that tells which planes were asked for."""

    shape = (10, 2)
    dtype = np.dtype(np.int32)

    def __init__(self) -> None:
        self.started: list[int] = []
        self.change = threading.Condition()

    def read_into(self, start: int, out: np.ndarray[Any, Any]) -> None:
        with self.change:
            self.started.append(start)
            self.change.notify_all()
        out[...] = start


def test_the_next_chunk_is_read_while_one_is_worked_on_and_no_more() -> None:
    source = Watched()
    reading = chunks(source, 2)
    first = next(reading)
    with source.change:
        assert source.change.wait_for(lambda: source.started == [0, 2], timeout=90)
    assert (first.planes == 0).all()
    assert next(reading).start == 2
    with source.change:
        assert source.change.wait_for(lambda: source.started == [0, 2, 4], timeout=90)
    reading.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "chunk-reader" for thread in threading.enumerate())


def test_what_reading_raises_reaches_who_asks_for_that_chunk() -> None:
    class Failing(Watched):
        def read_into(self, start: int, out: np.ndarray[Any, Any]) -> None:
            if start == 4:
                raise OSError("the disk is gone")
            super().read_into(start, out)

    reading = chunks(Failing(), 2)
    assert [next(reading).start, next(reading).start] == [0, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(reading)


def test_overlap_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ArgumentRefused, match="leaves 0 planes"):
        chunks(ArraySource(array=np.zeros((4, 2))), 4, overlap=2)


CHILD = """
import sys, tracemalloc
from pathlib import Path
import numpy as np
from core_kernels.transfer.chunks import RawFile, chunks, planes_within

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

source = RawFile(path=Path(sys.argv[1]), shape=(96, 512, 512), dtype=np.dtype(np.int16))
planes = planes_within(source, int(sys.argv[2]))
for chunk in chunks(RawFile(path=Path(sys.argv[1]), shape=(2, 512, 512), dtype=source.dtype), 1):
    int(chunk.planes.max())   # what threads and numpy take once
before = resident()
tracemalloc.start()
total = peak = 0
for chunk in chunks(source, planes):
    total += int(chunk.planes.sum(dtype=np.int64))
    peak = max(peak, resident() - before)
print(total, tracemalloc.get_traced_memory()[1], peak)
"""


def test_peak_memory_of_a_volume_that_does_not_fit_is_under_two_chunks(
    tmp_path: Path,
) -> None:
    """48 MiB in chunks of 8: what Python traced, and what the process really took."""
    volume = np.random.default_rng(1).integers(-1000, 1000, (96, 512, 512), np.int16)
    path = tmp_path / "volume.raw"
    volume.tofile(path)
    chunk = 8 * 2**20
    answer = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(chunk)], cwd=ROOT, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    total, traced, taken = map(int, answer.stdout.split())
    assert total == int(volume.sum(dtype=np.int64))
    assert traced < 2 * chunk
    assert taken < 2 * chunk


def test_a_chunk_holds_as_many_planes_as_fit() -> None:
    source = ArraySource(array=np.zeros((10, 256, 1024), np.float32))
    assert [planes_within(source, size * 2**20) for size in (0, 1, 2, 4)] == [1, 1, 1, 3]
