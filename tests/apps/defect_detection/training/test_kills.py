"""Promises of a detector's training whose processes are really killed after its last epoch."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.host.jobs.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(1500)]

PATIENCE_SECONDS = 400.0
BEGIN = """
import django, json; django.setup()
import cv2
from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.blobs import services as blobs
from loupe.datasets import manifest
from loupe.testing import trainings
from loupe.training import services
from tests.apps.defect_detection.training.made import CLASSES, picture
line = Project.objects.get(slug="line")
lines = []
for number in range(12):
    image, boxes = picture(number)
    blob = blobs.store_bytes(cv2.imencode(".png", image)[1].tobytes(), "image/png")
    drawn = [dict(zip(("x1", "y1", "x2", "y2"), box[1:]), label=CLASSES[box[0]]) for box in boxes]
    lines.append(manifest.Line(name=f"{number:02d}.png", sha256=blob.sha256, size=blob.size,
        media_type=blob.media_type, group="", split="val" if number >= 8 else "train",
        labels={"schema_version": 1, "width": 96, "height": 96, "boxes": drawn}, revision=1))
data = trainings.dataset_version(
    line, "defect_detection", lines=lines, about={"schema_version": 1, "classes": list(CLASSES)})
run = services.start(SYSTEM, line, app="defect_detection", model_name="ours",
    dataset_version=data,
    config={"epochs": 2, "image_size": 64, "batch": 4, "device": "cpu", "serve": "onnx"})
print(json.dumps(str(run.pk)))
"""


class Line(Stack):
    """An installation with one training, whose database is looked at from outside."""

    def begin(self) -> str:
        """Queue the training; its id."""
        return str(json.loads(self._python("-c", BEGIN)))

    def rows(self, query: str) -> list[Any]:
        """What a query finds."""
        place = f"file:{self.var / 'loupe.sqlite3'}?mode=ro"
        with sqlite3.connect(place, uri=True, timeout=10) as connection:
            return connection.execute(query).fetchall()

    def until(self, holds: Callable[[], bool]) -> None:  # type: ignore[override]
        """Wait until `holds`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            told = self.rows("select state, error, note, log from training_run")
            assert told[0][0] != "failed", told
            assert time.monotonic() < deadline, (told, self.log("trainer")[-3000:])
            time.sleep(0.01)

    def child(self) -> psutil.Process:
        """The process that trains."""
        (found,) = self.children("trainer")
        return found


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    stack = Line(tmp_path, {"LOUPE_TRAINING_DEVICES": "cpu"})
    stack.prepare()
    try:
        yield stack
    finally:
        stack.stop()


def test_a_training_killed_while_it_exports_and_while_it_is_measured_ends_once_and_whole(
    line: Line,
) -> None:
    line.start("trainer")
    out = line.var / "scratch" / "runs" / line.begin() / "out"
    artefact = out / "artefact"
    # While it exports: the trainer dies, and its child with it.
    line.until(lambda: artefact.is_dir() and not (artefact / "manifest.json").exists())
    family = psutil.Process(line.processes["trainer"].pid).children(recursive=True)
    line.processes["trainer"].kill()
    line.processes.pop("trainer").wait()
    _, alive = psutil.wait_procs(family, timeout=90)
    assert alive == []
    assert not (artefact / "manifest.json").exists()
    line.start("trainer")
    # While it is measured: the child alone dies, as by the out-of-memory killer.
    line.until(lambda: (artefact / "manifest.json").exists())
    line.until(lambda: (out / "evaluations").is_dir() or (out / "predictions.jsonl").exists())
    line.child().kill()
    assert not (out / "panel.json").exists()
    line.until(lambda: line.rows("select state from training_run") == [("done",)])
    assert line.rows("select error, version_id is not null from training_run") == [("", 1)]
    ours = "registry_modelversion v join registry_model m on v.model_id = m.id where m.name='ours'"
    assert line.rows(f"select v.number, v.stage from {ours}") == [(1, "candidate")]
    assert line.rows("select step from training_runmetrics order by step") == [(1,), (2,)]
    runtimes = line.rows("select artefact, serving from training_evaluation order by artefact")
    assert runtimes == [("int8", 0), ("onnx", 1), ("torch", 0)]
    # The repository holds that version only, and all of it; the run's folder is gone.
    (place,) = line.var.glob("models/defect_detection/line/ours/*")
    assert place.name == "1"
    named = json.loads((place / "manifest.json").read_text())["files"]
    assert {path.name for path in place.iterdir()} == {"manifest.json", *named}
    line.until(lambda: not out.parent.exists())
    line.until(lambda: line.children("trainer") == [])
    kept = {sha256 for (sha256,) in line.rows("select sha256 from blobs_blob")}
    blobs = {p.name for p in (line.var / "blobs").rglob("*") if p.is_file() and len(p.name) == 64}
    assert blobs == kept
