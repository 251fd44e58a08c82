"""What the interpreter accepts, the compiler must too: for an H100, on a machine that has none.

Here for one operation; `tests/gpu.sh compile` does it for all, which takes minutes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_kernels_compile_for_compute_capability_9_0(tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="triton is not installed")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TRITON_INTERPRET": "0",
        "TRITON_CACHE_DIR": str(tmp_path),
        "CUDA_VISIBLE_DEVICES": "",
    }
    answer = subprocess.run(
        [sys.executable, "tests/kernels/compiled_for_hopper.py", "add_norm"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert json.loads(answer.stdout.splitlines()[-1]) == {"launched": {"_forward": 2}, "errors": {}}
