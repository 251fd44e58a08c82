"""Requests do not make Python look through everything that the engine holds."""

import gc
from pathlib import Path

import numpy as np

from loupe.contract.runtime.payload import Payload
from loupe.engine import tensors
from loupe.engine.__main__ import COLLECT_AFTER, main

ANSWER = Payload(arrays={f"feature.{n}": np.zeros(1, np.float32) for n in range(300)})
"""As wide as that of a scored transaction: a dictionary of dictionaries and a list for each."""


def test_describing_wide_answers_starts_no_collection_in_an_engine(tmp_path: Path) -> None:
    begun = 0

    def told(phase: str, _: object) -> None:
        nonlocal begun
        begun += phase == "start"

    before = gc.get_threshold()
    gc.callbacks.append(told)
    try:
        gc.set_threshold(700)
        tensors.encode(ANSWER.arrays)
        assert begun
        places = ["--socket", str(tmp_path / "s"), "--models", str(tmp_path / "m")]
        # It reads its policy after this is set, finds none, and ends.
        assert main([*places, "--state", str(tmp_path / "t"), "--policy", str(tmp_path / "no")])
        assert gc.get_threshold()[0] == COLLECT_AFTER
        gc.collect()
        begun = 0
        for _ in range(50):
            tensors.encode(ANSWER.arrays)
        assert not begun
    finally:
        gc.callbacks.remove(told)
        gc.set_threshold(*before)
