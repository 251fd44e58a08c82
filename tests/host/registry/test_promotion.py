"""One version decides at a time; whoever changes that is named, and nobody is overruled unseen."""

import threading
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from loupe.accounts.errors import Denied
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.contract.runtime.errors import LoupeError
from loupe.registry.errors import ModelConflict, StageRefused
from loupe.registry.models import ModelVersion, Stage
from loupe.registry.services import promote, register_shipped, retire, roll_back, upload
from tests.host.registry.conftest import APP, member

pytestmark = pytest.mark.django_db


def candidates(engineer: Actor, project: Project, file: Path, count: int) -> list[ModelVersion]:
    return [upload(engineer, project, APP, "scaler", file) for _ in range(count)]


def stages(project: Project) -> dict[int, str]:
    rows = ModelVersion.objects.filter(model__project=project)
    return dict(rows.values_list("number", "stage"))


def test_promotion_retires_the_version_before_and_is_audited(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    one, two = candidates(engineer, project, model_file, 2)
    promote(engineer, one, "first")
    promote(engineer, two, "fewer escapes on lot 7")
    assert stages(project) == {1: Stage.RETIRED, 2: Stage.PRODUCTION}
    event = Event.objects.order_by("-id")[0]
    assert (event.action, event.actor) == ("model.promoted", "user:erin")
    assert event.subject == f"model_version:{two.pk}"
    assert event.details == {
        "model": "scaler",
        "version": 2,
        "replaced": 1,
        "reason": "fewer escapes on lot 7",
    }


def test_rolling_back_twice_goes_back_two_versions(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    versions = candidates(engineer, project, model_file, 3)
    for version in versions:
        promote(engineer, version, "better")
    model = versions[0].model
    assert roll_back(engineer, model, "worse").number == 2
    assert roll_back(engineer, model, "worse still").number == 1
    assert stages(project) == {1: Stage.PRODUCTION, 2: Stage.RETIRED, 3: Stage.RETIRED}
    with pytest.raises(StageRefused, match="no earlier version to roll back to"):
        roll_back(engineer, model, "further")


def test_only_a_candidate_is_promoted_and_only_with_a_reason(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    [version] = candidates(engineer, project, model_file, 1)
    with pytest.raises(StageRefused, match="Say why in a few words"):
        promote(engineer, version, "  ")
    promote(engineer, version, "first")
    with pytest.raises(StageRefused, match="scaler v1 is production; only a candidate"):
        promote(engineer, version, "again")
    retire(engineer, version, "old")
    with pytest.raises(StageRefused, match="scaler v1 is retired already"):
        retire(engineer, version, "old")


def test_a_person_who_saw_an_older_state_is_told(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    one, two = candidates(engineer, project, model_file, 2)
    promote(engineer, one, "first", replacing=None)
    with pytest.raises(ModelConflict, match="Somebody else changed which version of 'scaler'"):
        promote(engineer, two, "mine", replacing=None)
    assert promote(engineer, two, "mine", replacing=1).stage == Stage.PRODUCTION


@pytest.mark.django_db(transaction=True)
def test_of_two_who_promote_at_once_one_wins_and_one_is_told(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    versions = candidates(engineer, project, model_file, 2)
    outcomes: dict[int, str] = {}
    together = threading.Barrier(2)

    def decide(version: ModelVersion) -> None:
        try:
            together.wait()
            promote(engineer, version, "mine is better", replacing=None)
            outcomes[version.number] = "won"
        except LoupeError as error:
            outcomes[version.number] = error.code
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == ["conflict", "won"]
    [winner] = [number for number, outcome in outcomes.items() if outcome == "won"]
    assert stages(project)[winner] == Stage.PRODUCTION
    assert list(stages(project).values()).count(Stage.PRODUCTION) == 1
    assert Event.objects.filter(action="model.promoted").count() == 1


def test_operators_may_not_promote_and_nobody_moves_shared_models(
    place: Path, project: Project, engineer: Actor, operator: Actor, model_file: Path
) -> None:
    [version] = candidates(engineer, project, model_file, 1)
    with pytest.raises(Denied, match="'engineer'"):
        promote(operator, version, "mine")
    [shared] = register_shipped(APP)
    root = Actor(user=User.objects.create_superuser("root"))
    with pytest.raises(Denied, match="'double' is shared: it changes with Loupe's releases"):
        retire(root, shared, "away")
    stranger = member(Project.objects.create(slug="other", name="O"), "sam", Role.ADMIN)
    with pytest.raises(LoupeError, match="There is no project 'line-3'"):
        promote(stranger, version, "mine")
