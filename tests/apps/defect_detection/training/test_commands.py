"""Promises of ``train`` and ``evaluate``: from a folder to a candidate and its figures."""

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.defect_detection.commands import evaluate, train
from apps.defect_detection.points.evidence import chosen
from loupe.registry.models import ModelVersion, Stage
from loupe.training.models import Evaluation, Run, RunState
from tests.apps.defect_detection.training.made import yolo_set

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, settings: Settings) -> None:
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.SCRATCH = tmp_path / "scratch"
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.SCRATCH.mkdir()


def test_a_folder_becomes_a_candidate_and_its_figures_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = yolo_set(tmp_path / "data")
    (data / "groups.csv").write_text(
        "name,group\n" + "".join(f"images/val/{n:03d}.png,board-{n // 2}\n" for n in range(8, 12))
    )
    given = ["--data", str(data), "--name", "holes", "--json", "--device", "cpu"]
    recipe = ["--epochs", "1", "--image-size", "64", "--batch", "4", "--serve", "int8"]
    assert train.main([*given, *recipe, "--architecture", "yolo12n"]) == train.REFUSED
    assert "architecture" in capsys.readouterr().err
    assert train.main([*given, *recipe]) == train.DONE
    said = json.loads(capsys.readouterr().out)
    version = ModelVersion.objects.get(model__name="holes")
    assert (said["version"], said["stage"]) == (1, "candidate")
    assert version.stage == Stage.CANDIDATE
    assert version.manifest["origin"]["dataset"] == "holes"
    assert Run.objects.get(version=version).state == RunState.DONE
    artefacts = Evaluation.objects.filter(model_version=version)
    assert set(artefacts.values_list("artefact", flat=True)) == {"onnx", "int8", "torch"}
    assert artefacts.get(serving=True).artefact == "int8"
    assert version.manifest["network"] == "model.int8.onnx"
    # An operating point is fitted to what serves, from its own predictions.
    assert version.model.project is not None
    assert chosen(version, version.model.project, None) == artefacts.get(serving=True)

    assert evaluate.main(["--data", str(data), "--model", "holes", "--json"]) == evaluate.DONE
    figures = json.loads(capsys.readouterr().out)
    assert (figures["pictures"], figures["unit"]) == (4, "part")
    assert set(figures["classes"]) == {"hole", "bar"}
    assert {"value", "low", "high"} < set(figures["escape"])
    assert figures["per_part"]["escape"]["count"] <= figures["per_picture"]["escape"]["count"]
    assert {"map50", "map50_95", "overkill", "operating_point"} < set(figures)
    assert evaluate.main(["--data", str(data), "--model", "none"]) == evaluate.REFUSED
    assert "holes" in capsys.readouterr().err
    other = tmp_path / "nothing"
    other.mkdir()
    assert evaluate.main(["--data", str(other), "--model", "holes@1"]) == evaluate.REFUSED
    assert "no dataset" in capsys.readouterr().err
