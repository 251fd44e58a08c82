"""Upload, promote, roll back, retire."""

from pathlib import Path

import pytest

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.registry.models import Stage
from loupe.registry.services import promote, register_shipped, resolve, retire, roll_back, upload
from tests.host.registry.conftest import APP

pytestmark = pytest.mark.django_db


def test_a_model_goes_from_file_to_production_and_back(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    [shipped] = register_shipped(APP)
    first = upload(engineer, project, APP, "scaler", model_file, "factor.safetensors")
    assert first.stage == Stage.CANDIDATE
    assert resolve(engineer, project, APP) == shipped
    promote(engineer, first, "better on lot 7")
    assert resolve(engineer, project, APP) == first
    second = upload(engineer, project, APP, "scaler", model_file)
    promote(engineer, second, "fewer escapes")
    first.refresh_from_db()
    assert (first.stage, resolve(engineer, project, APP, "scaler")) == (Stage.RETIRED, second)
    assert roll_back(engineer, first.model, "overkill rose") == first
    assert resolve(engineer, project, APP, "scaler") == first
    retire(engineer, first, "back to the shipped one")
    assert resolve(engineer, project, APP) == shipped
