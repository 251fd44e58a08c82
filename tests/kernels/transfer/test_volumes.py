"""A volume prepared in chunks has the bits of one that is prepared whole, in bounded memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core_kernels.dispatch.volume_prepare import volume_prepare
from core_kernels.errors import ArgumentRefused
from core_kernels.transfer.chunks import ArraySource, RawFile
from core_kernels.transfer.volumes import prepared_in_chunks

ROOT = Path(__file__).resolve().parents[3]
WINDOWS = ((40.0, 400.0), (-600.0, 1500.0))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.floats(0.4, 5.0), st.floats(0.4, 5.0), st.integers(0, 2**20))
def test_chunks_give_the_bits_of_the_whole(
    depth: int, between: float, wanted: float, nbytes: int
) -> None:
    volume = np.random.default_rng(depth).integers(-1024, 2000, (depth, 9, 11)).astype(np.int16)
    spacing, target = (between, 0.8, 0.8), (wanted, 1.5, 1.5)
    whole = volume_prepare(
        torch.from_numpy(volume), spacing=spacing, target=target, windows=WINDOWS, intercept=-3.0
    )
    volume.flags.writeable = False
    # Half of the smallest chunk counts as what reading takes beside it: every size is tried.
    parts = prepared_in_chunks(
        ArraySource(array=volume), spacing=spacing, target=target, windows=WINDOWS,
        intercept=-3.0, nbytes=2**19 + nbytes % (200 * depth),
    )  # fmt: skip
    assert torch.equal(parts, whole)


def test_a_source_of_another_kind_and_a_file_that_ends_early_are_refused(tmp_path: Path) -> None:
    wrong = ArraySource(array=np.zeros((3, 4, 4), np.float32))
    with pytest.raises(ArgumentRefused, match="source is float32"):
        prepared_in_chunks(wrong, spacing=(1, 1, 1), target=(2, 2, 2), windows=WINDOWS)
    path = tmp_path / "short.raw"
    path.write_bytes(bytes(100))
    short = RawFile(path=path, shape=(9, 4, 4), dtype=np.dtype(np.int16))
    with pytest.raises(ArgumentRefused, match=r"short\.raw ends"):
        prepared_in_chunks(short, spacing=(1, 1, 1), target=(2, 2, 2), windows=WINDOWS)


CHILD = """
import sys
from pathlib import Path
import numpy as np, torch
from core_kernels.transfer.chunks import RawFile
from core_kernels.transfer.volumes import prepared_in_chunks

def highest():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024

def run(depth):
    source = RawFile(path=Path(sys.argv[1]), shape=(depth, 512, 512), dtype=np.dtype(np.int16))
    return prepared_in_chunks(source, spacing=(1.0, 1.0, 1.0), target=(4.0, 4.0, 4.0),
                              windows=[(40.0, 400.0)], nbytes=int(sys.argv[2]))

torch.set_num_threads(1)
run(4)  # compiled code, threads and numpy's own, once
before = highest()
run(192)
print(highest() - before)
"""


@pytest.mark.slow
def test_ninety_six_mebibytes_take_less_than_two_chunks_of_sixteen(tmp_path: Path) -> None:
    path = tmp_path / "volume.raw"
    with path.open("wb") as file:
        file.truncate(192 * 512 * 512 * 2)
    chunk = 16 * 2**20
    answer = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(chunk)], cwd=ROOT, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert int(answer.stdout) < 2 * chunk
