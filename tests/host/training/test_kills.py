"""Promises of the trainer as a process: what a kill costs in each phase of a training."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.host.jobs.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(900)]

PRELUDE = """
import django, json; django.setup()
from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.blobs import services as blobs
from loupe.datasets import manifest
from loupe.registry.models import ModelVersion
from loupe.testing import trainings
from loupe.training import services
from loupe.training.models import Evaluation, Run, RunMetrics
"""
START = """
line = Project.objects.get(slug="line")
lines = []
for value in range(1, 21):
    blob = blobs.store_bytes(json.dumps({"value": value}).encode(), "application/json")
    lines.append(manifest.Line(name=f"{value}.json", sha256=blob.sha256, size=blob.size,
        media_type=blob.media_type, group="", split="val" if value % 4 == 0 else "train",
        labels={"schema_version": 1, "scaled": 3.0 * value, "size": "any"}, revision=1))
data = trainings.dataset_version(line, "dummy_app", lines=lines)
run = services.start(SYSTEM, line, app="dummy_app", model_name="ours", dataset_version=data,
    config={"steps": 30, "seconds_per_step": 0.2})
print(json.dumps(str(run.pk)))
"""
TOLD = """
run = Run.objects.get()
print(json.dumps({"state": run.state, "losses": run.losses, "attempts": run.attempts,
    "error": run.error, "versions": ModelVersion.objects.filter(model__name="ours").count(),
    "evaluations": Evaluation.objects.count(),
    "steps": [one.step for one in RunMetrics.objects.order_by("step")],
    "resumed": [one.values["resumed_at"] for one in RunMetrics.objects.order_by("step")]}))
"""
STATE = "select state from training_run"
STEP = "select coalesce(max(step), 0) from training_runmetrics"
PATIENCE_SECONDS = 240.0


class Line(Stack):
    """An installation with a trainer and one training."""

    def run_python(self, code: str) -> object:
        return json.loads(self._python("-c", PRELUDE + code))

    def told(self) -> dict[str, object]:
        found = self.run_python(TOLD)
        assert isinstance(found, dict)
        return found

    def until(self, states: tuple[str, ...] = ("done", "failed"), step: int = 10_000) -> None:  # type: ignore[override]
        """Wait for a state or a step. The file is asked, which is quick: the training goes on."""
        place = f"file:{self.var / 'loupe.sqlite3'}?mode=ro"
        deadline = time.monotonic() + PATIENCE_SECONDS
        with sqlite3.connect(place, uri=True, timeout=10) as database:
            while True:
                (state,), (last,) = (database.execute(one).fetchone() for one in (STATE, STEP))
                if state in states or last >= step:
                    return
                assert time.monotonic() < deadline, (state, last, self.log("trainer")[-3000:])
                time.sleep(0.01)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    stack = Line(tmp_path, {"LOUPE_TRAINING_DEVICES": "cpu"})
    stack.prepare()
    try:
        yield stack
    finally:
        stack.stop()


def test_a_training_survives_kills_of_the_trainer_while_it_prepares_trains_and_ends(
    line: Line,
) -> None:
    line.start("trainer")
    line.run_python(START)
    # As it begins: the run has been claimed, its child is not there yet or has just started.
    line.until(("running",))
    line.kill("trainer")
    line.start("trainer")
    # In the middle: the child dies with its trainer, and so does all it started.
    line.until(step=6)
    family = line.children("trainer")
    line.processes["trainer"].kill()
    line.processes.pop("trainer").wait()
    _, alive = psutil.wait_procs(family, timeout=90)
    assert alive == []
    line.start("trainer")
    # Near the end: the last steps are told, the artefact may be half registered.
    line.until(step=30)
    line.kill("trainer")
    line.start("trainer")
    line.until()
    told = line.told()
    assert (told["state"], told["error"]) == ("done", "")
    assert (told["versions"], told["evaluations"]) == (1, 1)
    assert told["steps"] == list(range(1, 31))
    resumed = told["resumed"]
    assert isinstance(resumed, list)
    assert resumed[-1] >= 6
    assert not list((line.var / "scratch" / "runs").glob("*"))
