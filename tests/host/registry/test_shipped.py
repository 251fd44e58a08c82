"""Shipped models are there for every project, registered once."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit.models import Event
from loupe.engine import repository
from loupe.plugins import registry as apps
from loupe.registry.models import Model, ModelVersion, OperatingPoint, Stage
from loupe.registry.services import operating_point, register_shipped, resolve, shipped
from tests.host.registry.conftest import APP

pytestmark = pytest.mark.django_db


def test_a_shipped_model_is_installed_in_production_with_a_point(
    place: Path, project: Project, operator: Actor
) -> None:
    [version] = register_shipped(APP)
    assert version.model.wire_name == f"{APP}.shared.double"
    assert resolve(operator, project, APP) == version
    folder = repository.artefact_folder(place / "models", version.model.wire_name, 1)
    assert repository.artefact_sha256(repository.verify(folder)) == version.artefact_sha256
    assert operating_point(version, project).data == {"low": 10.0, "high": 20.0}
    assert Event.objects.get().action == "model.registered"


def test_registering_twice_changes_nothing(place: Path) -> None:
    first = register_shipped(APP)
    assert register_shipped(APP) == first
    assert (Model.objects.count(), ModelVersion.objects.count()) == (1, 1)
    assert (OperatingPoint.objects.count(), Event.objects.count()) == (1, 1)


def test_an_artefact_missing_from_the_repository_is_put_back(place: Path) -> None:
    [version] = register_shipped(APP)
    folder = repository.artefact_folder(place / "models", version.model.wire_name, 1)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    register_shipped(APP)
    repository.verify(folder)


@pytest.mark.django_db(transaction=True)
def test_two_starters_at_once_register_it_once(place: Path) -> None:
    together = threading.Barrier(4)

    def start(_: int) -> list[int]:
        try:
            together.wait()
            return [version.pk for version in register_shipped(APP)]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(start, range(4)))
    assert found == [found[0]] * 4
    assert (Model.objects.count(), ModelVersion.objects.count()) == (1, 1)
    assert (OperatingPoint.objects.count(), Event.objects.count()) == (1, 1)
    assert len(list(repository.installed(place / "models"))) == 1


def test_a_new_release_replaces_the_shipped_model(
    place: Path, project: Project, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = register_shipped(APP)
    release = place / "release" / "double"
    shutil.copytree(shipped._folders(apps.get(APP))[0], release)
    manifest = json.loads((release / "manifest.json").read_text())
    (release / "manifest.json").write_text(json.dumps({**manifest, "created": "2027-01-01"}))
    monkeypatch.setattr(apps.get(APP), "shipped_models", (str(release),))
    [new] = register_shipped(APP)
    old.refresh_from_db()
    assert (new.number, new.stage, old.stage) == (2, Stage.PRODUCTION, Stage.RETIRED)
    assert resolve(operator, project, APP) == new


def test_the_system_acts_as_nobody_in_particular(place: Path) -> None:
    [version] = register_shipped(APP)
    assert version.created_by is None
    assert Event.objects.get().actor == SYSTEM.label
