"""The whole panel on phantoms, by the command, with a network that nobody trained."""

import json
from pathlib import Path

import pytest
import torch

from apps.report_gen.benchmarks.pipeline import random_model
from apps.report_gen.commands.evaluate import main
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.stored import store
from apps.report_gen.inference.threads import one_thread


def test_the_panel_has_every_part_and_what_is_uninformative_comes_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path / "model", random_model(TOY, "cpu"))
    with one_thread(torch.device("cpu")):
        command = [
            "--data", "phantoms", "--model", str(tmp_path), "--count", "3", "--shifted", "1",
            "--reports", "2", "--device", "cpu", "--json",
        ]  # fmt: skip
        assert main(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["notice"] == "Research use; not for diagnosis."
    assert said["figures"].startswith("phantom figures")
    assert set(said["shifts"]) == {"spacing", "noise", "tilt", "contrast", "kernel"}
    assert set(said["panel"]["controls"]) == {
        "all_normal", "random_deal", "shuffled", "text_only", "blanked_volume_without_finding",
    }  # fmt: skip
    assert said["text"]["sentences_without_slot"] == 0
    assert said["text"]["side_contradictions"] == 0
    assert said["swapped_indications"]["bit_identical"] == said["swapped_indications"]["studies"]
    assert said["laterality"]["wrong"] == []
    assert list(said)[-1] == "wording"
