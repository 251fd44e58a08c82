"""Shipped models are there for every project, registered once."""

from pathlib import Path

import pytest

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit.models import Event
from loupe.engine import repository
from loupe.registry.models import Model, ModelVersion, OperatingPoint
from loupe.registry.services import operating_point, register_shipped, resolve
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


def test_the_system_acts_as_nobody_in_particular(place: Path) -> None:
    [version] = register_shipped(APP)
    assert version.created_by is None
    assert Event.objects.get().actor == SYSTEM.label
