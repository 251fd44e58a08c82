"""The bench of the pipeline: every stage is there, and text is compared token by token."""

import json
from pathlib import Path

import pytest
import torch

from apps.report_gen.benchmarks import report, scans, writing
from apps.report_gen.benchmarks.pipeline import STAGES, measured
from apps.report_gen.inference.shape import TOY


def test_every_stage_of_a_study_is_listed_cold_and_warm(tmp_path: Path) -> None:
    study = scans.write(tmp_path / "raw", scans.values(60, 512))
    said = measured(study, None, "cpu", 1, toy=True)
    for row in (said["cold"], said["warm_p50"], said["warm_p95"]):
        assert {*STAGES, "whole"} <= set(row)
        assert row["whole"] == pytest.approx(sum(row[name] for name in STAGES), abs=0.01)
    assert said["tokens"] > 20
    assert 0 < said["peak_gib"] < 16


def test_both_sides_write_the_same_tokens() -> None:
    said = writing.compare_writing(TOY, "cpu", tokens=12, times=1)
    assert said["same_tokens"] == 12
    assert said["ratio"] > 0


def test_tokens_that_differ_where_the_choice_is_clear_stop_the_bench() -> None:
    torch.manual_seed(0)
    decoder, _ = writing._pair(TOY, 4)
    memory = torch.randn(1, 3, TOY.width)
    ours, theirs = torch.tensor([[5, 6]]), torch.tensor([[7, 6]])
    with pytest.raises(RuntimeError, match="token 0 where the choice was clear"):
        writing._same(ours, theirs, decoder, memory, rounding=0.0)


def test_a_missed_goal_is_told() -> None:
    said = {
        "raw": {"warm_p50": {"whole": 26.0}, "peak_gib": 3.0},
        "against_script": {"prepare_ratio_order_3": 12.0},
        "against_decoding": {"times_decoding": 1.5},
    }
    assert report.goals(said, "cpu") == {
        "prepare_10_times_the_script": True,
        "jpeg_2000_1.7_times_decoding": True,
        "raw_25_s": False,
        "raw_4_gib": True,
    }


def test_on_a_gpu_the_study_and_its_writing_have_goals_of_their_own() -> None:
    slow = {"warm_p50": {"whole": 1.2}, "ms_a_token": 0.2}
    text = {"ms_a_token": 0.1, "ratio": 14.0}
    said = {"study_chest": slow, "raw": {**slow, "ms_a_token": 0.3}, "text": text}
    assert report.goals(said, "cuda") == {
        "raw_1.5_s": True,
        "study_chest_1_s": False,
        "study_chest_written_at_0.25_ms_a_token": True,
        "raw_written_at_0.25_ms_a_token": False,
        "text_0.25_ms": True,
        "text_15_times_generate": False,
    }


def test_parts_are_measured_alone(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--parts", "text", "--toy", "--tokens", "8", "--times", "1", "--device", "cpu"]
    assert report.main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["text"]["same_tokens"] == 8
    assert not {"raw", "jpeg_2000", "against_script"} & said.keys()
