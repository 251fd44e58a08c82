"""Loading and unloading the shipped detector over and over leaves memory where it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
SETTLED = 20
#: OpenVINO compiles for a second each time; LOUPE_CYCLES=200 asks for as many of it.
OPENVINO_CYCLES = int(os.environ.get("LOUPE_CYCLES", "60"))
ALLOWED = 8 * 2**20
CODE = """
import json, sys
import numpy as np
from apps.defect_detection.inference.runtimes import open_runtime
from core_kernels.runtimes.freeing import free_host_memory, resident_bytes
from tests.apps.defect_detection.pictures import ARTEFACT

manifest = json.loads((ARTEFACT / "manifest.json").read_text())
picture = np.zeros((640, 640, 3), np.uint8)
for cycle in range(1, int(sys.argv[2]) + 1):
    runtime = open_runtime(ARTEFACT, manifest, sys.argv[1], threads=1)
    if cycle % 20 == 0:
        runtime.look(picture)
    runtime.close()
    del runtime
    if cycle in (int(sys.argv[3]), int(sys.argv[2])):
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
    """In a process of its own, from the 20th cycle, when libraries have what they keep."""
    answer = subprocess.run(
        [sys.executable, "-c", CODE, runtime, str(cycles), str(SETTLED)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"},
    )
    settled, last = map(int, answer.stdout.split())
    print(f"{runtime}: {settled / 2**20:.1f} MiB settled, {last / 2**20:.1f} MiB at the end")
    assert last - settled < ALLOWED
