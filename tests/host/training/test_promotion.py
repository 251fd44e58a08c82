"""Promises of the way into production: the gate, the reason, the second person, the way back."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.keys import create as create_key
from loupe.accounts.models import ApiKey, Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit.models import Event
from loupe.changes.models import Change
from loupe.contract.runtime.panel import Panel
from loupe.datasets.models import DatasetVersion
from loupe.registry.errors import ConsentRefused, GateClosed, ModelConflict, StageRefused
from loupe.registry.models import ModelVersion, PromotionRequest, Stage
from loupe.registry.services import consent, roll_back
from loupe.registry.services import promotion as registry
from loupe.testing import factories, trainings
from loupe.training.promotion import approve, gate, promote

APP = "dummy_app"


def panel(error: float, parity: float = 0.0) -> Panel:
    """Figures of a version."""
    return trainings.panel(error=error, parity=parity)


@pytest.fixture
def data(db: None, line: Project) -> DatasetVersion:
    return trainings.dataset_version(line, APP)


@pytest.fixture
def make(line: Project, data: DatasetVersion) -> Callable[..., ModelVersion]:
    """``make(number, error=…)``: a candidate that was measured."""

    def made(number: int, *, error: float | None = 1.0, parity: float = 0.0) -> ModelVersion:
        version = factories.model_version(line, APP, "ours", number, Stage.CANDIDATE)
        version.manifest["origin"] = {"run": "0"}
        version.save()
        if error is not None:
            trainings.evaluation(version, data, panel(error, parity))
        return version

    return made


@pytest.fixture
def ben(line: Project) -> Actor:
    """Another engineer."""
    return Actor(user=factories.person("ben", line, Role.ENGINEER))


Make = Callable[..., ModelVersion]


def strict(line: Project) -> None:
    """Demand a second person."""
    Project.objects.filter(pk=line.pk).update(second_person=True)
    line.refresh_from_db()


def test_a_version_whose_parity_fails_is_refused_by_name_of_the_condition(
    make: Make, anna: User
) -> None:
    version = make(1, parity=0.3)
    with pytest.raises(GateClosed, match="answers as trained") as refused:
        promote(Actor(user=anna), version, "better")
    assert refused.value.code == "gate_closed"
    version.refresh_from_db()
    assert version.stage == Stage.CANDIDATE


def test_a_version_that_is_worse_than_the_one_in_production_is_refused(
    make: Make, anna: User
) -> None:
    first, worse, better = make(1, error=1.0), make(2, error=1.5), make(3, error=0.5)
    promote(Actor(user=anna), first, "the first one")
    with pytest.raises(GateClosed, match="No worse than now"):
        promote(Actor(user=anna), worse, "mine")
    assert promote(Actor(user=anna), better, "fewer errors").version.stage == Stage.PRODUCTION


def test_a_trained_version_has_to_be_measured_and_one_from_elsewhere_need_not(
    make: Make, anna: User, line: Project
) -> None:
    with pytest.raises(GateClosed, match="was measured"):
        promote(Actor(user=anna), make(1, error=None), "better")
    brought = factories.model_version(line, APP, "brought", 1, Stage.CANDIDATE)
    assert gate(brought).rows == ()
    assert promote(Actor(user=anna), brought, "bought").version.stage == Stage.PRODUCTION


def test_an_evaluation_of_another_artefact_does_not_count(make: Make, anna: User) -> None:
    version = make(1)
    ModelVersion.objects.filter(pk=version.pk).update(artefact_sha256="f" * 64)
    version.refresh_from_db()
    with pytest.raises(GateClosed, match="was measured"):
        promote(Actor(user=anna), version, "better")


def test_the_gate_compares_on_the_same_data_only(
    make: Make, anna: User, line: Project, data: DatasetVersion
) -> None:
    first = make(1, error=0.1)
    promote(Actor(user=anna), first, "the first one")
    other = trainings.dataset_version(line, APP, "other")
    second = make(2, error=None)
    trainings.evaluation(second, other, panel(0.9))
    assert gate(second).production is None
    assert gate(second).open
    trainings.evaluation(first, other, panel(0.2))
    assert not gate(second).open


def test_a_promotion_is_remembered_with_who_why_and_the_conditions(
    make: Make, anna: User, line: Project
) -> None:
    version = make(1)
    promote(Actor(user=anna), version, "fewer escapes on lot 7")
    told = PromotionRequest.objects.get(version=version)
    assert (told.state, told.decided_by, told.reason) == (
        "approved",
        anna,
        "fewer escapes on lot 7",
    )
    assert {row["key"]: row["holds"] for row in told.gate} == {
        "measured": True,
        "no_worse": True,
        "parity": True,
    }
    event = Event.objects.filter(project_id=line.pk, action="model.promoted").get()
    assert (event.actor, event.details["reason"]) == ("user:anna", "fewer escapes on lot 7")


def test_where_a_second_person_is_demanded_a_wish_waits_and_another_person_grants_it(
    make: Make, anna: User, ben: Actor, line: Project
) -> None:
    strict(line)
    version = make(1)
    made = promote(Actor(user=anna), version, "fewer escapes")
    assert made.waiting is not None
    version.refresh_from_db()
    assert version.stage == Stage.CANDIDATE
    assert Change.objects.filter(kind="promotion.requested").count() == 1
    asked = consent.waiting(version.model)
    assert approve(ben, asked, "looked at the misses").stage == Stage.PRODUCTION
    told = PromotionRequest.objects.get(version=version)
    assert (told.requested_by, told.decided_by, told.comment) == (
        anna,
        ben.user,
        "looked at the misses",
    )
    details = Event.objects.get(action="model.promoted").details
    assert (details["asked_by"], details["reason"]) == ("anna", "fewer escapes")


def test_nobody_is_their_own_second_person_and_no_key_is_one(
    make: Make, anna: User, line: Project
) -> None:
    strict(line)
    version = make(1)
    promote(Actor(user=anna), version, "mine")
    asked = consent.waiting(version.model)
    with pytest.raises(ConsentRefused, match="somebody else"):
        approve(Actor(user=anna), asked)
    with pytest.raises(ConsentRefused, match="somebody else"):
        consent.decline(Actor(user=anna), asked, "no")
    key, _ = create_key(SYSTEM, line, "MES", ["manage_models"], "never")
    assert isinstance(key, ApiKey)
    with pytest.raises(Denied, match="person's word"):
        approve(Actor(key=key), asked)


def test_a_superuser_has_no_way_round_the_second_person(
    make: Make, anna: User, line: Project
) -> None:
    strict(line)
    boss = factories.person("boss", is_superuser=True)
    version = make(1)
    with pytest.raises(ConsentRefused, match="demands a second person"):
        registry.promote(Actor(user=boss), version, "because")


def test_a_wish_is_declined_with_a_comment_or_taken_back_and_asked_again(
    make: Make, anna: User, ben: Actor, line: Project
) -> None:
    strict(line)
    version = make(1)
    promote(Actor(user=anna), version, "first try")
    with pytest.raises(StageRefused, match="Say why"):
        consent.decline(ben, consent.waiting(version.model), " ")
    declined = consent.decline(ben, consent.waiting(version.model), "lot 9 is missing")
    assert (declined.state, declined.comment) == ("declined", "lot 9 is missing")
    promote(Actor(user=anna), version, "with lot 9")
    assert consent.withdraw(Actor(user=anna), consent.waiting(version.model)).state == "withdrawn"
    with pytest.raises(NotVisible, match="waits for consent"):
        consent.waiting(version.model)
    assert Change.objects.filter(kind="promotion.declined").count() == 2


def test_one_version_is_asked_for_once_at_a_time_and_granted_once(
    make: Make, anna: User, ben: Actor, line: Project
) -> None:
    strict(line)
    version = make(1)
    promote(Actor(user=anna), version, "mine")
    with pytest.raises(ModelConflict, match="already"):
        promote(ben, version, "mine too")
    asked = consent.waiting(version.model)
    approve(ben, asked)
    with pytest.raises((StageRefused, ModelConflict)):
        approve(ben, asked)


def test_a_condition_that_fails_meanwhile_stops_the_consent(
    make: Make, anna: User, ben: Actor, line: Project, data: DatasetVersion
) -> None:
    strict(line)
    version = make(1)
    promote(Actor(user=anna), version, "mine")
    trainings.evaluation(version, data, panel(1.0, parity=0.4))
    with pytest.raises(GateClosed, match="answers as trained"):
        approve(ben, consent.waiting(version.model))


def test_going_back_is_one_action_even_where_a_second_person_is_demanded(
    make: Make, anna: User, line: Project
) -> None:
    first, second = make(1), make(2)
    promote(Actor(user=anna), first, "one")
    promote(Actor(user=anna), second, "two")
    strict(line)
    assert roll_back(Actor(user=anna), second.model, "escapes on lot 8").number == 1
    last = PromotionRequest.objects.order_by("-pk").first()
    assert last is not None
    assert (last.rolls_back, last.version_id, last.reason) == (True, first.pk, "escapes on lot 8")
