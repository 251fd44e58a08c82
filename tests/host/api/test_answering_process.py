"""The web process answers calls while its other threads work."""

import subprocess
import sys

SAID = """
import gc, sys
from loupe.asgi import COLLECT_AFTER, SWITCH_S
print(abs(sys.getswitchinterval() - SWITCH_S) < 1e-6, gc.get_threshold()[0] == COLLECT_AFTER)
print(SWITCH_S < 0.005, COLLECT_AFTER > 700, gc.get_freeze_count() > 100_000)
"""


def test_its_threads_hand_on_quickly_and_collections_are_rare() -> None:
    found = subprocess.run(
        [sys.executable, "-c", SAID], capture_output=True, text=True, check=True, timeout=360
    )
    assert found.stdout.split() == ["True"] * 5
