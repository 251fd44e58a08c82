"""The model repository takes in and hands out verified artefacts only."""

import json
from pathlib import Path
from typing import Any

import pytest

from loupe.contract.runtime.errors import ModelRefused
from loupe.engine import repository
from tests.host.engine.harness import MODEL, artefact


def test_an_installed_artefact_lies_where_its_name_says(tmp_path: Path) -> None:
    target = repository.install(artefact(tmp_path / "a"), tmp_path / "models", MODEL, 3)
    assert target == tmp_path / "models" / "tiny" / "shared" / "scaler" / "3"
    assert repository.verify(target)["files"].keys() == {"weights.json"}
    assert list(repository.installed(tmp_path / "models")) == [(MODEL, 3, target)]


def test_installing_the_same_artefact_twice_changes_nothing(tmp_path: Path) -> None:
    source = artefact(tmp_path / "a")
    first = repository.install(source, tmp_path / "models", MODEL, 1)
    assert repository.install(source, tmp_path / "models", MODEL, 1) == first


def test_a_version_is_never_overwritten_by_another_artefact(tmp_path: Path) -> None:
    repository.install(artefact(tmp_path / "a", 2.0), tmp_path / "models", MODEL, 1)
    with pytest.raises(ModelRefused, match="version 1 already holds another artefact"):
        repository.install(artefact(tmp_path / "b", 3.0), tmp_path / "models", MODEL, 1)


def test_a_changed_file_is_found_by_its_hash(tmp_path: Path) -> None:
    target = repository.install(artefact(tmp_path / "a"), tmp_path / "models", MODEL, 1)
    (target / "weights.json").write_text('{"factor": 3}')
    with pytest.raises(ModelRefused, match=r"weights\.json has the sha-256") as refused:
        repository.verify(target)
    assert refused.value.code == "model_hash"


def test_a_link_is_not_a_file_of_an_artefact(tmp_path: Path) -> None:
    source = artefact(tmp_path / "a")
    (source / "weights.json").rename(tmp_path / "elsewhere")
    (source / "weights.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelRefused, match="not a plain file"):
        repository.verify(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "'schema' is 2"),
        ({"runner": ""}, "'runner' must be a text"),
        ({"files": {}}, "'files' must name at least one file"),
        ({"files": {"../x": "0" * 64}}, "the file name '../x' is not allowed"),
        ({"files": {"a/b": "0" * 64}}, "the file name 'a/b' is not allowed"),
        ({"files": {"x": "short"}}, "64 lower-case hexadecimal digits"),
    ],
)
def test_a_wrong_manifest_is_refused_by_its_field(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelRefused, match=message):
        repository.verify(artefact(tmp_path / "a", **change))


@pytest.mark.parametrize("name", ["", "a.b", "a.b.", "../x.y.z", "a.b.c/d", "a.b..c", "a b.c.d"])
def test_a_name_that_could_leave_the_repository_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelRefused, match="names no model"):
        repository.artefact_folder(tmp_path, name, 1)


def test_an_artefact_of_another_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="is for the app 'tiny', not for 'other'"):
        repository.install(artefact(tmp_path / "a"), tmp_path, "other.shared.scaler", 1)


def test_the_artefact_hash_does_not_depend_on_how_the_manifest_is_written(tmp_path: Path) -> None:
    source = artefact(tmp_path / "a")
    before = repository.artefact_sha256(repository.read_manifest(source))
    manifest = json.loads((source / "manifest.json").read_text())
    turned = dict(reversed(manifest.items()))
    (source / "manifest.json").write_text(json.dumps(turned, indent=4))
    assert repository.artefact_sha256(repository.read_manifest(source)) == before
