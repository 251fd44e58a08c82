"""From a folder of studies to a stored model: what is learned, kept, resumed and refused."""

import json
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apps.report_gen.bridge.splitting import Part, part_of
from apps.report_gen.commands.evaluate import main as evaluate
from apps.report_gen.commands.train import main as train
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.stored import fetch
from apps.report_gen.inference.threads import one_thread
from apps.report_gen.training.real import cache
from apps.report_gen.training.real.cache import prepared, require_room
from apps.report_gen.training.real.learning import example_of, may_be_background
from apps.report_gen.training.real.studies import read_folder
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.training import read_panel
from tests.apps.report_gen.training.real.folders import folder, write_volume

OPTIONS = [
    "--from-scratch", "--toy", "--device", "cpu", "--batch", "1", "--pool", "1",
    "--evaluate-every", "1",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """A tiny network is quicker on one: two threads wait for each other at every step."""
    with one_thread(torch.device("cpu")):
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = folder(tmp_path_factory.mktemp("real") / "data")
    (place / "broken.nii.gz").write_bytes(b"no volume")
    with (place / "labels.csv").open("a") as file:
        file.write("broken.nii.gz,1,0,0\n")
    return place


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    assert train(["--data", str(data), "--out", str(out), "--steps", "3", *OPTIONS]) == 0
    return out


def test_a_model_its_card_and_its_panel_come_of_a_folder(trained: Path) -> None:
    model = fetch(trained / "artefact")
    assert model.card["use"] == "research use; not for diagnosis"
    assert model.card["trained_on"].endswith("studies of data")
    assert (trained / "artefact" / "manifest.json").is_file()
    assert read_panel(trained).figure("macro_f1") is not None
    lines = (trained / "history.jsonl").read_text().splitlines()
    assert [json.loads(each)["step"] for each in lines] == [1, 2, 3]
    assert (trained / "predictions.jsonl").read_text().count("\n") >= 1


def test_what_the_gates_refuse_is_listed(trained: Path) -> None:
    problems = json.loads((trained / "problems.json").read_text())
    assert any(each["file"] == "broken.nii.gz" and "refused" in each["reason"] for each in problems)


def test_backgrounds_stand_in_the_card_and_none_of_them_measures(trained: Path) -> None:
    used = fetch(trained / "artefact").card["backgrounds"]
    assert all(part_of(each) is Part.TRAINING for each in used)


def test_a_resumed_run_ends_where_one_without_a_stop_does(data: Path, tmp_path: Path) -> None:
    common = ["--data", str(data), "--cache", str(tmp_path / "cache"), *OPTIONS,
              "--phantoms", "0", "--insert", "0"]  # fmt: skip
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train([*common, "--out", str(whole), "--steps", "2"]) == 0
    shutil.copytree(whole / "checkpoint" / "00000001", parts / "checkpoint" / "00000001")
    assert train([*common, "--out", str(parts), "--steps", "2", "--resume"]) == 0
    one, other = (fetch(each / "artefact").image.state_dict() for each in (whole, parts))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_fine_tuning_goes_on_from_the_model_given(
    data: Path, trained: Path, tmp_path: Path
) -> None:
    command = ["--data", str(data), "--out", str(tmp_path), "--base", str(trained), "--steps", "1"]
    assert train([*command, "--device", "cpu", "--rate", "1e-9", "--phantoms", "0",
                  "--insert", "0", "--batch", "1"]) == 0  # fmt: skip
    before, after = fetch(trained / "artefact"), fetch(tmp_path / "artefact")
    assert torch.allclose(before.image.queries, after.image.queries, atol=1e-2)
    assert "before:" in after.card["trained_on"]
    assert set(before.card["backgrounds"]) <= set(after.card["backgrounds"])


def test_a_folder_with_labels_is_evaluated(
    data: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--data", str(data), "--model", str(trained), "--device", "cpu", "--json"]
    assert evaluate(command) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["panel"]["studies"] == 6
    assert set(said["panel"]["controls"]) == {
        "all_normal",
        "all_positive",
        "random_deal",
        "shuffled",
    }
    assert said["panel"]["findings"]["pneumothorax"] == {"known": 0}
    assert any("broken.nii.gz" in each for each in said["problems"])
    assert list(said)[-1] == "wording"
    assert said["wording"]["warning"].startswith("uninformative")


def test_an_unknown_model_is_refused_with_those_that_ship(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(["--data", str(data), "--model", "nonsense"]) == 2
    assert "nonsense is no folder of a report model" in capsys.readouterr().err


def test_volumes_are_prepared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies, _ = read_folder(folder(tmp_path / "d", 1))
    first, _ = prepared(studies, tmp_path / "c", TOY, lambda at, name: None)
    assert first[0].hu().shape == TOY.grid
    lung, air = first[0].hu()[TOY.grid[0] // 2], first[0].hu()[0, 0, 0]
    assert int(lung.max()) > 0 > int(lung.min()) >= -1024
    assert int(air) < -900
    monkeypatch.setattr(cache, "read_study", lambda paths: pytest.fail("read again"))
    again, _ = prepared(studies, tmp_path / "c", TOY, lambda at, name: None)
    assert np.array_equal(first[0].hu(), again[0].hu())


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(9, 9, 2**30 + 5))
    with pytest.raises(InputRefused, match="make room or give another --cache"):
        require_room(tmp_path, 2**20)


def test_nodules_go_into_training_backgrounds_alone(tmp_path: Path) -> None:
    studies, _ = read_folder(folder(tmp_path / "d", 6))
    kept, _ = prepared(studies, tmp_path / "c", TOY, lambda at, name: None)
    draw = np.random.default_rng(0)
    for each in kept:
        made = example_of(each, TOY, draw, insert=1.0)
        if not may_be_background(each):
            assert made.centres == ()
            assert np.array_equal(made.hu.numpy(), each.hu())
        for centre in made.centres:
            assert all(0 <= at < n for at, n in zip(centre.at, TOY.grid, strict=True))
            assert made.states[0] == made.known[0] == 1
        assert float(made.known.sum()) >= 3


def test_a_volume_that_changes_is_prepared_again(tmp_path: Path) -> None:
    place = folder(tmp_path / "d", 1)
    studies, _ = read_folder(place)
    first, _ = prepared(studies, tmp_path / "c", TOY, lambda at, name: None)
    write_volume(place / "train_1_a_1.nii.gz", 9)
    second, _ = prepared(studies, tmp_path / "c", TOY, lambda at, name: None)
    assert first[0].digest != second[0].digest
