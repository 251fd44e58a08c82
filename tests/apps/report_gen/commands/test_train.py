"""``train report_gen --name``: what was trained becomes a candidate of a project."""

import json
from pathlib import Path

import pytest
import torch
from pytest_django import Settings

from apps.report_gen.commands.train import main as train
from apps.report_gen.inference.stored import fetch
from apps.report_gen.inference.threads import one_thread
from loupe.engine import repository
from loupe.registry.models import ModelVersion
from loupe.testing import factories
from tests.apps.report_gen.training.real.folders import folder

OPTIONS = [
    "--from-scratch", "--toy", "--device", "cpu", "--batch", "1", "--pool", "1", "--steps", "1",
    "--evaluate-every", "1", "--phantoms", "0", "--insert", "0", "--json",
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.SPOOL = tmp_path / "spool"
    return tmp_path


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_model_that_is_trained_with_a_name_is_a_candidate_of_the_project(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = factories.project("ward", "Ward")
    factories.project("other", "Other")
    data = folder(place / "data")
    command = ["--data", str(data), "--out", str(place / "out"), "--name", "ours"]
    with one_thread(torch.device("cpu")):
        assert train([*command, "--project", "ward", *OPTIONS]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["registered"] == {"model": "ours", "version": 1, "stage": "candidate"}
    version = ModelVersion.objects.get(model__project=project, model__name="ours")
    kept = repository.artefact_folder(place / "models", version.model.wire_name, 1)
    repository.verify(kept)
    assert fetch(kept).card["trained_on"] == said["trained_on"]
    assert "Trained on data" in version.manifest["description"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--name", "Not A Name", "--project", "ward"], "cannot be a model's name"),
        (["--name", "ours", "--project", "nowhere"], "nowhere"),
        (["--name", "ours"], "There are several projects"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_where_it_would_go_is_looked_up_before_anything_is_learned(
    place: Path, capsys: pytest.CaptureFixture[str], options: list[str], why: str
) -> None:
    factories.project("ward", "Ward")
    factories.project("other", "Other")
    assert train(["--data", str(place), "--out", str(place / "out"), *options, *OPTIONS]) == 2
    assert why in capsys.readouterr().err
    assert not (place / "out").exists()
