"""Loading and unloading the shipped detector over and over leaves memory where it was."""

import itertools
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
#: Libraries have by then what they keep.
SETTLED = 20
SPAN = 10
#: OpenVINO compiles for a second each time; LOUPE_CYCLES=200 asks for as many of it.
OPENVINO_CYCLES = int(os.environ.get("LOUPE_CYCLES", "80"))
#: What 200 cycles may leave behind.
ALLOWED = 8 * 2**20
CODE = """
import json, sys
import numpy as np
from apps.defect_detection.inference.runtimes import open_runtime
from core_kernels.runtimes.freeing import free_host_memory, resident_bytes
from tests.apps.defect_detection.pictures import ARTEFACT

runtime_name, cycles, settled, span = sys.argv[1], *map(int, sys.argv[2:])
manifest = json.loads((ARTEFACT / "manifest.json").read_text())
picture = np.zeros((640, 640, 3), np.uint8)
for cycle in range(1, cycles + 1):
    runtime = open_runtime(ARTEFACT, manifest, runtime_name, threads=1)
    if cycle % 20 == 0:
        runtime.look(picture)
    runtime.close()
    del runtime
    if cycle >= settled and cycle % span == 0:
        free_host_memory()
        print(resident_bytes())
"""


@pytest.mark.slow
@pytest.mark.load
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("runtime", "cycles"), [("onnxruntime", 200), ("openvino", OPENVINO_CYCLES), ("torch", 200)]
)
def test_cycles_of_loading_and_unloading_leave_memory_where_it_was(
    runtime: str, cycles: int
) -> None:
    """A leak shows between any two readings; an allocator that takes a new arena, in one pair."""
    answer = subprocess.run(
        [sys.executable, "-c", CODE, runtime, str(cycles), str(SETTLED), str(SPAN)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"},
    )
    readings = [int(line) for line in answer.stdout.split()]
    steps = [later - earlier for earlier, later in itertools.pairwise(readings)]
    print(f"{runtime}: {[round(reading / 2**20, 1) for reading in readings]} MiB")
    assert statistics.median(steps) * 200 / SPAN < ALLOWED
