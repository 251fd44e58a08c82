"""``import-dataset``: a folder on this machine becomes a dataset with a version, by one command."""

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.defect_detection.commands.import_dataset import main
from loupe.datasets.models import Dataset, DatasetVersion, Import, Record
from loupe.testing import factories
from tests.apps.defect_detection.layouts.folders import YAML, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Three boards of two lots; one label file is wrong, one picture has none."""
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.VAR = tmp_path / "var"
    settings.VAR.mkdir()
    files: dict[str, str | bytes] = {"data.yaml": YAML}
    for name in ("A1", "A2", "B1", "B2"):
        files[f"images/{name}.png"] = ""
    files |= {
        "labels/A1.txt": "0 .5 .5 .2 .2\n",
        "labels/A2.txt": "1 .5 .5 .2 .2\n0 nan 0 0 0\n",
        "labels/B1.txt": "",
    }
    return put(tmp_path / "set", files)


def test_what_can_be_used_is_there_and_what_cannot_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.project("line-3", "Line 3")
    status = main(
        ["--data", str(folder), "--name", "boards", "--group-by", "first:1", "--version", "--json"]
    )
    said = json.loads(capsys.readouterr().out)
    assert status == 1
    assert (said["layout"], said["added"], said["labelled"], said["fatal"]) == ("yolo", 4, 2, 1)
    assert {(p["file"], p["line"], p["code"]) for p in said["listed"]} == {
        ("labels/A2.txt", 2, "not_finite"), ("images/B2.png", 0, "no_labels"),
    }  # fmt: skip
    dataset = Dataset.objects.get()
    assert dataset.about["classes"] == ["scratch", "pit"]
    groups = dict(Record.objects.values_list("name", "group"))
    assert groups["images/A2.png"] == "A"
    assert DatasetVersion.objects.get().counts["records"] == said["version"]["records"] == 2


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_is_refused_leaves_no_dataset_behind(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    project = factories.project("line-3", "Line 3")
    if there:
        about = {"classes": ["pit"]}
        Dataset.objects.create(project=project, app="defect_detection", name="boards", about=about)
    (tmp_path / "nothing").mkdir()
    for place in ("nothing", "nowhere"):
        assert main(["--data", str(tmp_path / place), "--name", "boards"]) == 2
    assert "known are: yolo" in capsys.readouterr().err
    assert Dataset.objects.exists() == there
    assert {row.state for row in Import.objects.all()} == ({"failed"} if there else set())


def test_the_same_folder_again_adds_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.project("line-3", "Line 3")
    for _ in range(2):
        main(["--data", str(folder), "--name", "boards", "--unlabelled-is-good"])
    assert Record.objects.count() == 4
    assert "0 records added" in capsys.readouterr().out
    assert Record.objects.get(name="images/B2.png").state == "labelled"


@pytest.mark.parametrize("files", [{}, {"notes.txt": "hello"}])
def test_what_is_no_dataset_ends_with_a_sentence(
    tmp_path: Path, folder: Path, files: dict[str, str | bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    factories.project("line-3", "Line 3")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["--data", str(put(empty, files)), "--name", "boards"]) == 2
    assert "unknown_layout" in capsys.readouterr().err
    assert not Dataset.objects.exists()


def test_of_several_projects_one_must_be_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.project("line-3", "Line 3")
    factories.project("line-4", "Line 4")
    assert main(["--data", str(folder), "--name", "boards"]) == 2
    assert "--project" in capsys.readouterr().err
    main(["--data", str(folder), "--name", "boards", "--project", "line-4"])
    assert Dataset.objects.get().project.slug == "line-4"
