"""What a run keeps between calls."""

from pathlib import Path

import pytest
import torch

from apps.report_gen.inference.stored import stored_weights
from apps.report_gen.training.recipe import TOY_RECIPE
from apps.report_gen.training.so_far import so_far
from apps.report_gen.training.state import Clock


def test_what_comes_before_the_first_step_is_no_time_of_the_stage_and_is_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 50.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    clock = Clock(before=400.0, call_seconds=200.0)
    now = 100.0
    assert clock.stage() == 400.0
    clock.learns()
    assert clock.stage() == 400.0
    now = 175.0
    clock.learns()
    assert clock.stage() == pytest.approx(500.0)
    assert not clock.call_over()
    now = 250.0
    assert clock.stage() == pytest.approx(600.0)
    assert clock.call_over()


def test_what_was_not_trained_yet_is_kept_as_the_run_began_with_it(tmp_path: Path) -> None:
    so_far(TOY_RECIPE, tmp_path, tmp_path / "first", "cpu")
    torch.manual_seed(99)
    so_far(TOY_RECIPE, tmp_path, tmp_path / "second", "cpu", tmp_path / "first")
    (_, first), (_, second) = (stored_weights(tmp_path / name) for name in ("first", "second"))
    assert first.keys() == second.keys()
    assert all(torch.allclose(first[name], second[name], atol=2e-3) for name in first)
