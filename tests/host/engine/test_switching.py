"""Threads of an engine hand on quickly."""

import gc
import sys
from pathlib import Path

import pytest

from loupe.engine.__main__ import SWITCH_S, main


def test_an_engine_sets_how_long_a_thread_may_keep_the_others_waiting(tmp_path: Path) -> None:
    before, collected = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(10 * SWITCH_S)  # an engine of another test may have been here
    places = ["--socket", str(tmp_path / "s"), "--models", str(tmp_path / "m")]
    try:
        # It reads its policy after this is set, finds none, and ends.
        assert main([*places, "--state", str(tmp_path / "t"), "--policy", str(tmp_path / "no")])
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    finally:
        sys.setswitchinterval(before)
        gc.set_threshold(*collected)
