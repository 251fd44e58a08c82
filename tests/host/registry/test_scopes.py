"""A scope has its own model and operating points, and keeps its own fields under a new version."""

from pathlib import Path

import pytest

from loupe.accounts.errors import Denied
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.registry.errors import NoModel, UnknownModel
from loupe.registry.models import Model, ModelVersion, OperatingPoint, Stage
from loupe.registry.services import (
    operating_point,
    register_shipped,
    resolve,
    scope_model,
    set_operating_point,
    set_scope_model,
)
from tests.host.registry.conftest import APP

pytestmark = pytest.mark.django_db


def own_version(project: Project, like: ModelVersion, name: str = "own") -> ModelVersion:
    model = Model.objects.create(app=APP, project=project, name=name)
    version = ModelVersion.objects.create(
        model=model,
        number=1,
        stage=Stage.PRODUCTION,
        manifest=like.manifest,
        artefact_sha256=like.artefact_sha256,
    )
    OperatingPoint.objects.create(model_version=version, number=1, data={"low": 5, "high": 6})
    return version


def test_a_scope_has_points_of_its_own_and_the_rest_keeps_the_projects(
    place: Path, project: Project, engineer: Actor
) -> None:
    [version] = register_shipped(APP)
    general = set_operating_point(engineer, project, version, {"low": 1, "high": 9})
    special = set_operating_point(engineer, project, version, {"low": 2, "high": 9}, scope="b1")
    newer = set_operating_point(engineer, project, version, {"low": 3, "high": 9})
    assert (general.number, special.number, newer.number) == (1, 2, 3)
    assert operating_point(version, project) == newer
    assert operating_point(version, project, "b1") == special
    assert operating_point(version, project, "b2") == newer


def test_a_certificate_is_kept_with_its_point(
    place: Path, project: Project, engineer: Actor
) -> None:
    [version] = register_shipped(APP)
    told = {"limit": 0.02, "confidence": 0.95}
    point = set_operating_point(engineer, project, version, {}, certificate=told)
    point.refresh_from_db()
    assert point.certificate == told
    assert Event.objects.latest("id").details["certificate"] == told


def test_a_scope_keeps_its_fields_when_its_model_changes(
    place: Path, project: Project, engineer: Actor
) -> None:
    [shipped] = register_shipped(APP)
    set_operating_point(engineer, project, shipped, {"low": 1, "high": 77}, scope="b1")
    version = own_version(project, shipped)
    carried = operating_point(version, project, "b1")
    assert (carried.scope, carried.data["low"], carried.data["high"]) == ("b1", 5.0, 77.0)
    assert "double v1" in carried.note
    assert operating_point(version, project, "b1") == carried
    assert operating_point(version, project).scope == ""


def test_a_scope_is_inspected_by_its_model_and_the_rest_by_the_default(
    place: Path, project: Project, engineer: Actor
) -> None:
    [shipped] = register_shipped(APP)
    own = own_version(project, shipped)
    set_scope_model(engineer, project, APP, "b1", shipped.model)
    assert resolve(engineer, project, APP) == own
    assert resolve(engineer, project, APP, scope="b1") == shipped
    assert resolve(engineer, project, APP, "own", scope="b1") == own
    assert scope_model(project, APP, "b1") == shipped.model
    set_scope_model(engineer, project, APP, "b1", None)
    assert resolve(engineer, project, APP, scope="b1") == own


def test_a_scope_whose_model_has_nothing_in_production_is_refused(
    place: Path, project: Project, engineer: Actor
) -> None:
    [shipped] = register_shipped(APP)
    own = own_version(project, shipped)
    set_scope_model(engineer, project, APP, "b1", own.model)
    ModelVersion.objects.filter(pk=own.pk).update(stage=Stage.RETIRED)
    with pytest.raises(NoModel, match="chosen for 'b1'"):
        resolve(engineer, project, APP, scope="b1")


def test_only_engineers_choose_and_only_models_they_can_use(
    place: Path, project: Project, engineer: Actor, operator: Actor
) -> None:
    [shipped] = register_shipped(APP)
    with pytest.raises(Denied):
        set_scope_model(operator, project, APP, "b1", shipped.model)
    other = Project.objects.create(slug="other", name="Other")
    foreign = own_version(other, shipped, "foreign")
    with pytest.raises(UnknownModel, match="none that this project can use"):
        set_scope_model(engineer, project, APP, "b1", foreign.model)
