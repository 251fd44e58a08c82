"""What belongs to a project goes on when its model changes; what it declares is followed."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.plugins import registry as apps
from loupe.registry.models import OperatingPoint
from loupe.registry.services import operating_point, register_shipped, set_operating_point
from loupe.testing import factories
from tests.host.registry.conftest import APP

pytestmark = pytest.mark.django_db

DECLARED: dict[str, Any] = {}


def declared(_project_id: UUID) -> dict[str, Any]:
    """What the project declares at the moment."""
    return DECLARED


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch) -> None:
    app = apps.get(APP)
    monkeypatch.setattr(app, "project_fields", ("low",))
    monkeypatch.setattr(app, "declared_fields", f"{__name__}:declared")
    DECLARED.clear()


def test_a_version_new_in_a_project_takes_over_what_the_project_decided(
    place: Path, project: Project, engineer: Actor, following: None
) -> None:
    [first] = register_shipped(APP)
    set_operating_point(engineer, project, first, {"low": 3, "high": 7})
    second = factories.model_version(project, APP, "another")
    point = operating_point(second, project)
    assert (point.project, point.data) == (project, {"low": 3.0, "high": 20.0})
    assert operating_point(second, project) == point
    # A version that had a point of its own keeps it, for that is what rolling back goes to.
    set_operating_point(engineer, project, second, {"low": 5, "high": 7})
    assert operating_point(first, project).data["low"] == 3.0


def test_what_a_project_declares_is_followed_by_a_new_point_and_only_once(
    place: Path, project: Project, engineer: Actor, following: None
) -> None:
    [version] = register_shipped(APP)
    old = set_operating_point(engineer, project, version, {"low": 1}, certificate={"k": 1})
    DECLARED["high"] = 11.0
    new = operating_point(version, project)
    assert (new.number, new.data, new.certificate) == (2, {"low": 1.0, "high": 11.0}, {"k": 1})
    assert operating_point(version, project) == new
    old.refresh_from_db()
    assert old.data["high"] == 20.0
    event = Event.objects.filter(action="operating_point.set").latest("id")
    assert (event.actor, event.details["note"]) == ("system", "Follows the project: high.")


def test_a_project_that_declares_and_decides_nothing_shares_the_first_point(
    place: Path, project: Project, following: None
) -> None:
    [version] = register_shipped(APP)
    assert operating_point(version, project).project is None
    assert OperatingPoint.objects.count() == 1
