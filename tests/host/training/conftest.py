"""A project with labelled readings of the dummy app, and a trainer that a test turns by hand."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.models import Project, Role
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.datasets import manifest
from loupe.datasets.models import Dataset, DatasetVersion
from loupe.testing import factories
from loupe.training import services, trainer
from loupe.training.models import Run, RunState
from loupe.training.trainer import Trainer

APP = "dummy_app"
PATIENCE_SECONDS = 60.0


def readings(
    project: Project, factor: float = 3.0, count: int = 20, name: str = "lot-7"
) -> DatasetVersion:
    """A dataset version whose values are to be scaled by `factor`; every fourth validates."""
    lines = []
    for value in range(1, count + 1):
        blob = blobs.store_bytes(json.dumps({"value": value}).encode(), "application/json")
        lines.append(
            manifest.Line(
                name=f"part-{value}.json",
                sha256=blob.sha256,
                size=blob.size,
                media_type=blob.media_type,
                group="",
                split="val" if value % 4 == 0 else "train",
                labels={"schema_version": 1, "scaled": factor * value, "size": "any"},
                revision=1,
            )
        )
    dataset, _ = Dataset.objects.get_or_create(
        project=project, app=APP, name=name, defaults={"about": {"sizes": ["any"]}}
    )
    return DatasetVersion.objects.create(
        dataset=dataset,
        number=dataset.versions.count() + 1,
        about=dataset.about,
        manifest=manifest.write(lines),
        counts={},
    )


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """Folders of the test's own, on one disk."""
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.SCRATCH = tmp_path / "scratch"
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.TRAINING_DEVICES = ["cpu"]
    settings.SCRATCH.mkdir()
    return tmp_path


@pytest.fixture
def line(db: None, place: Path) -> Project:
    """A project. Tests that turn a trainer are marked as transactions: its threads see only what
    is committed."""
    return factories.project("line-1")


@pytest.fixture
def anna(line: Project) -> User:
    """Its engineer."""
    return factories.person("anna", line, Role.ENGINEER)


@pytest.fixture
def data(line: Project) -> DatasetVersion:
    """Twenty readings, to be tripled."""
    return readings(line)


class Bench:
    """A trainer in this process, turned until something holds."""

    def __init__(self) -> None:
        self.trainer = Trainer(["cpu"])

    def until(self, holds: Callable[[], bool]) -> None:
        """Turn until `holds`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, "it did not come about"
            self.trainer.tick()
            time.sleep(0.02)

    def end(self, run: Run) -> Run:
        """Turn until the run has ended and its child is gone; the run as it is then."""
        over = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)
        self.until(lambda: Run.objects.get(pk=run.pk).state in over and not self.trainer.works)
        return Run.objects.get(pk=run.pk)

    def step(self, run: Run, step: int) -> None:
        """Turn until the run has told of `step`."""
        self.until(lambda: run.metrics.filter(step__gte=step).exists())


@pytest.fixture
def bench(line: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(trainer, "WRITE_SECONDS", 0.1)
    monkeypatch.setattr(trainer, "CLAIM_AGAIN_SECONDS", 0.05)
    made = Bench()
    yield made
    made.trainer.stop()


@pytest.fixture
def train(line: Project, anna: User, data: DatasetVersion) -> Callable[..., Run]:
    """``train(steps=…, fail=…)``: a queued training of the model "ours"."""

    def start(**config: Any) -> Run:
        more = {name: config.pop(name) for name in ("base", "seed", "model_name") if name in config}
        return services.start(
            Actor(user=anna),
            line,
            app=APP,
            dataset_version=data,
            config=config,
            **{"model_name": "ours", **more},
        )

    return start
