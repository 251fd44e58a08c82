"""Models from people: checked in a sandbox, installed as they were checked, never unpickled."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from pytest_django import Settings

from loupe.accounts.errors import Denied
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.blobs.errors import DiskFull
from loupe.contract.runtime.errors import ModelRefused
from loupe.engine import repository
from loupe.registry.errors import UploadRefused
from loupe.registry.models import Model, ModelVersion, Stage
from loupe.registry.services import describe, operating_point, upload
from tests.host.intake.samples import below
from tests.host.registry.conftest import APP

pytestmark = pytest.mark.django_db


def test_an_upload_becomes_a_verified_candidate(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    version = upload(engineer, project, APP, "triple", model_file, "factor.safetensors")
    assert (version.number, version.stage) == (1, Stage.CANDIDATE)
    assert version.created_by == engineer.user
    folder = repository.artefact_folder(place / "models", f"{APP}.line-3.triple", 1)
    manifest = repository.verify(folder)
    assert manifest == version.manifest
    assert repository.artefact_sha256(manifest) == version.artefact_sha256
    assert manifest["files"]["weights.safetensors"] == repository.file_sha256(model_file)
    assert operating_point(version, project).data == {"low": 10.0, "high": 20.0}
    event = Event.objects.get()
    assert (event.action, event.details["sha256"]) == ("model.uploaded", version.artefact_sha256)
    card = describe(version)
    assert (card.task, card.format, card.shared) == ("scale", "safetensors", False)
    assert card.bytes_on_disk == model_file.stat().st_size
    assert model_file.exists()
    assert below(place / "spool") == set()


def test_the_next_upload_of_a_name_is_the_next_version(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    numbers = [upload(engineer, project, APP, "triple", model_file).number for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert Model.objects.count() == 1


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._mark,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 5])
@pytest.mark.parametrize("name", ["model.onnx", "model.pt"])
def test_a_pickle_is_refused_by_content_and_never_run(
    place: Path, project: Project, engineer: Actor, protocol: int, name: str
) -> None:
    path = place / name
    path.write_bytes(pickle.dumps(Bomb(place / "boom"), protocol))
    with pytest.raises(
        ModelRefused, match=r"reading it can run code.*Export the model to ONNX"
    ) as e:
        upload(engineer, project, APP, "bad", path, name)
    assert e.value.code == "pickle_refused"
    assert not (place / "boom").exists()
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize("legacy", [True, False])
def test_a_torch_checkpoint_is_refused(
    place: Path, project: Project, engineer: Actor, legacy: bool
) -> None:
    out = io.BytesIO()
    torch.save({"w": torch.zeros(2)}, out, _use_new_zipfile_serialization=not legacy)
    (place / "best.onnx").write_bytes(out.getvalue())
    with pytest.raises(ModelRefused, match=r"PyTorch file|Python pickle"):
        upload(engineer, project, APP, "bad", place / "best.onnx")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"noise" * 100, "is not a safetensors file"),
    ],
)
def test_what_the_apps_check_refuses_leaves_nothing(
    place: Path, project: Project, engineer: Actor, data: bytes, sentence: str
) -> None:
    (place / "m").write_bytes(data)
    with pytest.raises(ModelRefused, match=sentence):
        upload(engineer, project, APP, "bad", place / "m", "m.safetensors")
    assert not ModelVersion.objects.exists()
    assert not Model.objects.exists()
    assert below(place / "spool") == below(place / "models") == set()


@pytest.mark.parametrize("name", ["", "Big", "../x", "a b", "-x", "x" * 61, "a.b"])
def test_a_name_that_is_no_slug_is_refused(
    place: Path, project: Project, engineer: Actor, model_file: Path, name: str
) -> None:
    with pytest.raises(UploadRefused, match="cannot be a model's name: use at most 60"):
        upload(engineer, project, APP, name, model_file)


def test_an_app_without_uploads_says_so(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    with pytest.raises(UploadRefused, match="takes no uploaded models"):
        upload(engineer, project, "stateful_probe", "x", model_file)


def test_an_operator_may_not_upload(
    place: Path, project: Project, operator: Actor, model_file: Path
) -> None:
    with pytest.raises(Denied, match="'engineer'"):
        upload(operator, project, APP, "x", model_file)


def test_without_room_nothing_is_registered(
    place: Path, project: Project, engineer: Actor, model_file: Path, settings: Settings
) -> None:
    settings.MIN_FREE_BYTES = 2**60
    with pytest.raises(DiskFull, match="LOUPE_MIN_FREE_BYTES"):
        upload(engineer, project, APP, "triple", model_file)
    assert not ModelVersion.objects.exists()
    assert not Model.objects.exists()
    assert below(place / "models") == below(place / "spool") == set()


def test_a_repository_that_cannot_be_written_keeps_no_name_without_a_version(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    (place / "models").mkdir()
    (place / "models" / APP).write_text("a file where a folder has to be")
    with pytest.raises(OSError, match=APP):
        upload(engineer, project, APP, "triple", model_file)
    assert not Model.objects.exists()
    (place / "models" / APP).unlink()
    assert upload(engineer, project, APP, "triple", model_file).number == 1


def test_without_room_for_a_second_version_the_first_stays(
    place: Path, project: Project, engineer: Actor, model_file: Path, settings: Settings
) -> None:
    first = upload(engineer, project, APP, "triple", model_file)
    settings.MIN_FREE_BYTES = 2**60
    with pytest.raises(DiskFull):
        upload(engineer, project, APP, "triple", model_file)
    assert list(ModelVersion.objects.all()) == [first]
    assert Model.objects.get() == first.model


def test_an_archive_is_no_model(place: Path, project: Project, engineer: Actor) -> None:
    with zipfile.ZipFile(place / "m.zip", "w") as archive:
        archive.writestr("weights.safetensors", b"x")
    with pytest.raises(ModelRefused, match="is not a safetensors file"):
        upload(engineer, project, APP, "bad", place / "m.zip")
