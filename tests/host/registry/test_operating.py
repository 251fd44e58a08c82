"""Operating points are versions of their own, checked by the app, apart for each project."""

from pathlib import Path

import pytest

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.registry.errors import OperatingPointInvalid
from loupe.registry.models import OperatingPoint
from loupe.registry.services import operating_point, register_shipped, set_operating_point
from loupe.registry.services.operating import validated
from tests.host.registry.conftest import APP, member

pytestmark = pytest.mark.django_db


def test_a_change_is_a_new_version_and_the_old_one_stays(
    place: Path, project: Project, engineer: Actor
) -> None:
    [version] = register_shipped(APP)
    first = set_operating_point(engineer, project, version, {"low": 1, "high": 2}, "stricter")
    second = set_operating_point(engineer, project, version, {"low": 1.5})
    assert (first.number, second.number) == (1, 2)
    assert operating_point(version, project) == second
    assert second.data == {"low": 1.5, "high": 20.0}
    first.refresh_from_db()
    assert first.data == {"low": 1.0, "high": 2.0}
    event = Event.objects.filter(action="operating_point.set").order_by("id")[0]
    assert event.details["note"] == "stricter"


def test_another_project_keeps_its_own(place: Path, project: Project, engineer: Actor) -> None:
    [version] = register_shipped(APP)
    set_operating_point(engineer, project, version, {"low": 1})
    other = Project.objects.create(slug="other", name="Other")
    assert operating_point(version, other).data["low"] == 10.0


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        ({"low": "much"}, "low", "low: Input should be a valid number.*got 'much'"),
        ({"middle": 3}, "middle", "middle: there is no such field.*The fields are: low, high"),
    ],
)
def test_a_wrong_value_names_field_and_what_is_allowed(
    place: Path,
    project: Project,
    engineer: Actor,
    data: dict[str, object],
    field: str,
    sentence: str,
) -> None:
    [version] = register_shipped(APP)
    with pytest.raises(OperatingPointInvalid, match=sentence) as caught:
        set_operating_point(engineer, project, version, data)
    assert set(caught.value.fields) == {field}
    assert OperatingPoint.objects.filter(project=project).count() == 0


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        (
            {"threshold": 7},
            "threshold",
            r"threshold: Input should be less than or equal to 1 \(got 7",
        ),
        (
            {"classes": {"scratch": {"severity": "huge"}}},
            "classes.scratch.severity",
            "classes.scratch.severity: Input should be 'critical', 'major' or 'minor'",
        ),
        ({"review_from": 0.9}, "operating point", "review_from is 0.9 and threshold is 0.5"),
    ],
)
def test_a_value_out_of_range_names_the_range(
    data: dict[str, object], field: str, sentence: str
) -> None:
    with pytest.raises(OperatingPointInvalid, match=sentence) as caught:
        validated("defect_detection", data)
    assert set(caught.value.fields) == {field}


def test_operators_and_strangers_may_not_set_one(
    place: Path, project: Project, operator: Actor
) -> None:
    [version] = register_shipped(APP)
    with pytest.raises(Denied, match="'engineer'"):
        set_operating_point(operator, project, version, {})
    stranger = member(Project.objects.create(slug="other", name="O"), "sam", Role.ADMIN)
    with pytest.raises(NotVisible, match="There is no project 'line-3'"):
        set_operating_point(stranger, project, version, {})
