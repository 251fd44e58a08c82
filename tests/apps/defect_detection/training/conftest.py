"""The shipped model as if it had been trained here: weights, ONNX, INT8, and what it finds."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.defect_detection import app
from apps.defect_detection.inference import architectures
from apps.defect_detection.labels import DatasetAbout
from apps.defect_detection.training import dataset
from apps.defect_detection.training.artefact import write_trained
from apps.defect_detection.training.base import model_from
from apps.defect_detection.training.collection import Collection, Sample
from apps.defect_detection.training.evaluation.evaluating import Artefact, measured
from apps.defect_detection.training.pictures import Labelled, load
from apps.defect_detection.training.recipe import Recipe
from loupe.contract.runtime.panel import Panel

SHIPPED = Path(app.__file__).parent / "models" / "surfaces"
DRAWN = 4


@pytest.fixture(scope="session")
def surfaces() -> DatasetAbout:
    """The shipped model's classes."""
    manifest = json.loads((SHIPPED / "manifest.json").read_text())
    return DatasetAbout(classes=manifest["classes"], severities=manifest["severities"])


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory, surfaces: DatasetAbout) -> Collection:
    """Some drawn surfaces, two pictures a board; `name` is the folder of the YOLO set."""
    folder = tmp_path_factory.mktemp("drawn")
    splits = (("train", 1), ("val", DRAWN))  # Ultralytics wants both
    dataset.write(
        folder,
        tuple(dataset.Split(name=name, first=5_000_000, count=count) for name, count in splits),
        1,
    )
    samples = []
    for number, path in enumerate(sorted((folder / "images" / "val").iterdir())):
        text = (folder / "labels" / "val" / f"{path.stem}.txt").read_text()
        rows = np.array([line.split() for line in text.splitlines()], np.float32).reshape(-1, 5)
        middle, half = rows[:, 1:3] * 640, rows[:, 3:] * 320
        boxes = np.concatenate((rows[:, :1], middle - half, middle + half), 1)
        samples.append(
            Sample(
                name=path.name, file=path, width=640, height=640, boxes=boxes,
                group=f"board-{number // 2}", split="val",
            )
        )  # fmt: skip
    return Collection(name=str(folder), about=surfaces, samples=tuple(samples))


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, drawn: Collection, surfaces: DatasetAbout
) -> Path:
    """An artefact in all three forms, made from the shipped model's weights."""
    out = tmp_path_factory.mktemp("trained")
    items = [Labelled(path=one.file, boxes=one.boxes) for one in drawn.samples]
    pictures = load(items, 640, torch.device("cpu"), 1)
    architectures.save(
        model_from(SHIPPED, surfaces.classes, False, pictures), out / "best.safetensors"
    )
    write_trained(
        out / "best.safetensors",
        out / "artefact",
        about=surfaces,
        recipe=Recipe(),
        serve="onnx",
        card="# Card",
        train=pictures,
        seed=0,
        beat=lambda: None,
    )
    return out


@pytest.fixture(scope="session")
def panel(trained: Path, drawn: Collection) -> Panel:
    """The figures of that artefact; predictions and pictures lie beside it."""
    data = replace(drawn, name="drawn v1")
    return measured(Artefact.read(trained / "artefact"), data, trained, lambda *told: None)


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The artefact's folder, to be damaged."""
    shutil.copytree(trained / "artefact", tmp_path / "artefact")
    return tmp_path / "artefact"
