"""A sandboxed child never outlives the process that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.serial

ROOT = Path(__file__).resolve().parents[3]
PARENT = """
import sys
from pathlib import Path
from loupe.sandbox.pool import SandboxPool
pool = SandboxPool(1, timeout_s=600)
pool.parse("tests.host.sandbox.parsers:hang_in_c", Path(sys.argv[1]), {"marker": sys.argv[1]})
"""


def gone(pid: int) -> bool:
    """Whether the process has ended; one that waits to be reaped has."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True
    return "State:\tZ" in status


def test_kill_9_of_the_parent_ends_a_child_that_is_stuck_in_c(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(marker)], cwd=ROOT)
    limit = time.monotonic() + 180
    while not (marker.exists() and marker.read_text()):
        assert time.monotonic() < limit
        time.sleep(0.02)
    child = int(marker.read_text())
    assert not gone(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    while not gone(child):
        assert time.monotonic() < limit, "the child outlived its parent"
        time.sleep(0.02)
