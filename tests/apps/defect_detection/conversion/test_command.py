"""The operator's command: a plain warning first, then a candidate that answers as trained."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_django import Settings

from apps.defect_detection.commands import convert_ultralytics
from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.runtimes import open_runtime
from loupe.accounts.models import Project
from loupe.audit.models import Event
from loupe.engine import repository
from loupe.registry.models import ModelVersion, Stage
from tests.apps.defect_detection.conversion.pickles import Call, Name, checkpoint, detector

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """A project, and the model repository and the spool below a folder of the test's own."""
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.SPOOL = tmp_path / "spool"
    settings.MIN_FREE_BYTES = 0
    Project.objects.create(slug="line-3", name="Line 3")
    return tmp_path


def run(*arguments: str) -> int:
    return convert_ultralytics.main(list(arguments))


def test_without_consent_nothing_is_converted(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint(place / "best.pt", {"model": detector()})
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))  # a pipe is no person
    assert run(str(path), "--name", "line") == convert_ultralytics.UNWANTED
    said = capsys.readouterr().err
    assert "is a pickle. A pickle is a program" in said
    assert "--yes" in said
    assert not ModelVersion.objects.filter(model__project__isnull=False).exists()


@pytest.mark.parametrize(("answer", "status"), [("n\n", 1), ("\n", 1), ("", 1), ("y\n", 2)])
def test_a_person_is_asked(
    place: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    (place / "best.pt").write_bytes(b"no checkpoint")
    assert run(str(place / "best.pt"), "--name", "line") == status


def test_a_hostile_pickle_is_refused_and_runs_nothing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = place / "it-ran"
    call = Call(Name("os", "system"), (f"touch {marker}",))
    path = checkpoint(place / "best.pt", {"model": detector(), "optimizer": call})
    assert run(str(path), "--name", "line", "--yes") == convert_ultralytics.REFUSED
    assert "names os.system" in capsys.readouterr().err
    assert not marker.exists()
    assert not ModelVersion.objects.filter(model__project__isnull=False).exists()


def test_a_pickle_that_swallows_memory_is_stopped(
    place: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SANDBOX_MEMORY_BYTES = 256 * 2**20
    path = checkpoint(place / "best.pt", raw=b"\x80\x02]r\xff\xff\xff\x3f.")  # memo of 2^30
    assert run(str(path), "--name", "line", "--yes") == convert_ultralytics.REFUSED
    assert "needs more than 256 MiB of memory" in capsys.readouterr().err


def test_weights_that_do_not_fit_their_architecture_are_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint(place / "best.pt", {"model": detector()})
    assert run(str(path), "--name", "line", "--yes") == convert_ultralytics.REFUSED
    assert "does not fit yolo11n with 2 classes" in capsys.readouterr().err
    assert not ModelVersion.objects.filter(model__project__isnull=False).exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.pt", "--name", "line"), "There is no file"),
        ((__file__, "--name", "../line"), "cannot be a model's name"),
        ((__file__, "--name", "line", "--project", "other", "--yes"), "No project is called"),
    ],
)
def test_what_cannot_be_done_is_said(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(*arguments) == convert_ultralytics.REFUSED
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "head"), [("yolo11n", "raw"), ("yolo26n", "end2end")])
def test_a_checkpoint_of_ultralytics_becomes_a_candidate_that_answers_alike(
    place: Path, capsys: pytest.CaptureFixture[str], architecture: str, head: str
) -> None:
    torch.manual_seed(7)
    model = architectures.build(architecture, 2, end2end=head == "end2end").eval()
    model.names = {0: "scratch", 1: "凹坑"}
    path = place / "best.pt"
    torch.save({"model": None, "ema": model, "train_args": {"imgsz": 160}, "epoch": 9}, path)

    assert run(str(path), "--name", "line", "--yes", "--json") == convert_ultralytics.DONE
    said = json.loads(capsys.readouterr().out)
    version = ModelVersion.objects.get(model__name="line")
    assert (version.stage, version.number) == (Stage.CANDIDATE, 1)
    assert said["sha256"] == version.artefact_sha256
    assert version.manifest["classes"] == ["scratch", "凹坑"]
    assert (version.manifest["head"], version.manifest["input"]["size"]) == (head, 160)
    assert Event.objects.filter(action="model.uploaded").count() == 1

    folder = repository.artefact_folder(place / "models", version.model.wire_name, 1)
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "manifest.json",
        "model.safetensors",
    ]
    picture = np.random.default_rng(3).random((1, 3, 160, 160), np.float32)
    found = open_runtime(folder, version.manifest).forward(picture)
    with torch.inference_mode():
        output = model(torch.from_numpy(picture))
    expected = (output[0] if isinstance(output, list | tuple) else output).numpy()
    scores = np.s_[..., 4] if head == "end2end" else np.s_[:, 4:]
    assert found.shape == expected.shape
    assert np.abs(np.sort(found[scores], None) - np.sort(expected[scores], None)).max() < 0.02
