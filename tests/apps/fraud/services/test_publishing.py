"""Nothing new decides before a second person agrees; going back is at once, and all is written."""

from typing import Any

import pytest
from django.utils import timezone

from apps.fraud.models import Backtest, PointDraft, Publication
from apps.fraud.operating.compare import compare
from apps.fraud.schema import OperatingPoint
from apps.fraud.services import candidates, deciding, drafts, publishing, shadows
from apps.fraud.services.errors import AskedFirst, Taken, Unusable
from loupe.accounts.errors import Denied
from loupe.accounts.models import Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.registry.errors import ConsentRefused, StageRefused
from loupe.registry.models import OperatingPoint as StoredPoint
from loupe.registry.models import Stage
from loupe.registry.services import consent, set_operating_point
from loupe.testing import factories
from loupe.training import promotion
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services import trials
from tests.apps.fraud.thresholds.made import stretch

BLOCK = {"bands": [{"from_amount": 0, "step_up": 2, "review": 2, "block": 0.5}]}


@pytest.fixture
def models(bank: Bank) -> tuple[Any, Any]:
    return trials.version(bank, 1, Stage.PRODUCTION), trials.version(bank, 2)


@pytest.fixture
def asker(bank: Bank) -> Actor:
    return bank.actor("engineer")


@pytest.fixture
def other(bank: Bank) -> Actor:
    return Actor(user=factories.person("other-engineer", bank.project, Role.ENGINEER))


def draft_of(bank: Bank, version: Any) -> PointDraft:
    return drafts.save(bank.actor("engineer"), bank.project, version, BLOCK, "stricter")


def decides(bank: Bank) -> tuple[int, OperatingPoint]:
    found = candidates.champion(bank.actor("viewer"), bank.project)
    return found.version.number, found.point


def backtest_of(bank: Bank, draft: PointDraft) -> Backtest:
    data, labels = stretch(500, 30, seed=2)
    result = compare(data, labels, OperatingPoint(), OperatingPoint.model_validate(draft.data))
    now = timezone.now()
    return Backtest.objects.create(
        project=bank.project, state="done", version=draft.version, draft=draft, point=draft.data,
        champion=OperatingPoint().model_dump(mode="json"), prices={}, assumed=True, currency="EUR",
        who="system", result=result.model_dump(mode="json"), ended_at=now,
    )  # fmt: skip


def test_a_point_decides_only_when_somebody_else_agrees(
    bank: Bank, models: tuple[Any, Any], asker: Actor, other: Actor
) -> None:
    draft = draft_of(bank, models[0])
    before = decides(bank)
    asked = publishing.ask(asker, bank.project, "Fraud has grown.", draft=draft)
    assert decides(bank) == before
    with pytest.raises(ConsentRefused, match="somebody else"):
        publishing.approve(asker, asked)
    assert decides(bank) == before
    done = publishing.approve(other, asked, "Looked at the week.")
    assert decides(bank) == (1, OperatingPoint.model_validate(draft.data))
    assert (done.state, done.decided_by) == ("approved", other.user)
    with pytest.raises(Taken, match="answered meanwhile"):
        publishing.approve(other, asked)
    assert StoredPoint.objects.filter(model_version=models[0], project=bank.project).count() == 1


def test_a_version_goes_the_hosts_way_with_its_point_and_its_evidence(
    bank: Bank, models: tuple[Any, Any], asker: Actor, other: Actor
) -> None:
    draft = draft_of(bank, models[1])
    tried = backtest_of(bank, draft)
    run = shadows.begin(asker, bank.project, draft=draft.number)
    asked = publishing.ask(
        asker, bank.project, "Better.", version=models[1], draft=draft, backtest=tried, shadow=run
    )
    assert consent.waiting(models[1].model, 2) == asked.promotion
    assert asked.evidence["backtest"]["rows"] == 530
    assert {one["key"] for one in asked.evidence["backtest"]["differences"]} >= {"saved"}
    assert asked.evidence["shadow"]["rows"] == 0
    publishing.approve(other, asked)
    assert decides(bank) == (2, OperatingPoint.model_validate(draft.data))
    back = publishing.roll_back_version(asker, bank.project, "It blocks a whole town.")
    assert back == models[0]
    assert decides(bank)[0] == 1
    assert Publication.objects.filter(rolls_back=True, version=models[0]).count() == 1


def test_consent_on_the_models_own_page_counts_too(
    bank: Bank, models: tuple[Any, Any], asker: Actor, other: Actor
) -> None:
    draft = draft_of(bank, models[1])
    asked = publishing.ask(asker, bank.project, "Better.", version=models[1], draft=draft)
    promotion.approve(other, consent.waiting(models[1].model, 2), "Fine.")
    found = publishing.find(asker, bank.project, asked.pk)
    assert (found.state, found.decided_by, found.comment) == ("approved", other.user, "Fine.")
    assert decides(bank) == (2, OperatingPoint.model_validate(draft.data))


def test_declined_or_taken_back_nothing_changes(
    bank: Bank, models: tuple[Any, Any], asker: Actor, other: Actor
) -> None:
    before = decides(bank)
    draft = draft_of(bank, models[0])
    first = publishing.ask(asker, bank.project, "Try it.", draft=draft)
    with pytest.raises(Taken, match="asked to publish this already"):
        publishing.ask(other, bank.project, "Me too.", draft=draft)
    with pytest.raises(StageRefused, match="why"):
        publishing.decline(other, first, " ")
    assert publishing.decline(other, first, "Too strict.").state == "declined"
    second = publishing.ask(asker, bank.project, "Once more.", version=models[1])
    assert publishing.withdraw(asker, second).state == "withdrawn"
    assert decides(bank) == before
    # Both can be asked for again.
    publishing.ask(asker, bank.project, "Now.", draft=draft)
    publishing.ask(asker, bank.project, "Now.", version=models[1])


def test_one_click_goes_back_a_point_and_another_one_goes_back_two(
    bank: Bank, models: tuple[Any, Any], asker: Actor, other: Actor
) -> None:
    points = [decides(bank)[1]]
    for cut in (0.5, 0.6):
        data = {"bands": [{"from_amount": 0, "block": cut}]}
        draft = drafts.save(asker, bank.project, models[0], data)
        publishing.approve(other, publishing.ask(asker, bank.project, "Next.", draft=draft))
        points.append(decides(bank)[1])
    for expected in (points[1], points[0]):
        publishing.roll_back_point(asker, bank.project, models[0], "Too many calls.")
        assert decides(bank)[1] == expected
    with pytest.raises(Unusable, match="no earlier"):
        publishing.roll_back_point(asker, bank.project, models[0], "Further.")


def test_evidence_about_something_else_is_refused(
    bank: Bank, models: tuple[Any, Any], asker: Actor
) -> None:
    one, two = draft_of(bank, models[0]), draft_of(bank, models[1])
    with pytest.raises(Unusable, match="That evidence is about"):
        publishing.ask(asker, bank.project, "x", draft=one, backtest=backtest_of(bank, two))
    with pytest.raises(Unusable, match="goes with its version"):
        publishing.ask(asker, bank.project, "x", version=models[1], draft=one)
    running = backtest_of(bank, one)
    Backtest.objects.filter(pk=running.pk).update(state="running")
    running.refresh_from_db()
    with pytest.raises(Unusable, match="no result yet"):
        publishing.ask(asker, bank.project, "x", draft=one, backtest=running)
    with pytest.raises(Unusable, match="Choose what"):
        publishing.ask(asker, bank.project, "x")


def test_who_may_not_manage_models_asks_agrees_and_rolls_back_nothing(
    bank: Bank, models: tuple[Any, Any], asker: Actor
) -> None:
    reviewer, draft = bank.actor("reviewer"), draft_of(bank, models[0])
    asked = publishing.ask(asker, bank.project, "Next.", draft=draft)
    for act in (
        lambda: publishing.ask(reviewer, bank.project, "x", draft=draft),
        lambda: publishing.approve(reviewer, asked),
        lambda: publishing.decline(reviewer, asked, "x"),
        lambda: publishing.roll_back_point(reviewer, bank.project, models[0], "x"),
        lambda: publishing.roll_back_version(reviewer, bank.project, "x"),
    ):
        with pytest.raises(Denied):
            act()


def test_every_step_is_in_the_audit_log(
    bank: Bank, models: tuple[Any, Any], asker: Actor, other: Actor
) -> None:
    asked = publishing.ask(asker, bank.project, "Next.", draft=draft_of(bank, models[0]))
    publishing.approve(other, asked, "Yes.")
    publishing.roll_back_point(asker, bank.project, models[0], "No.")
    rows = Event.objects.filter(project=bank.project, action__startswith="publication.")
    told = [(row.action, row.actor) for row in rows.order_by("pk")]
    assert told == [
        ("publication.asked", "user:engineer"),
        ("publication.approved", "user:other-engineer"),
        ("publication.rolled_back", "user:engineer"),
    ]


def test_where_a_second_person_is_demanded_policy_is_asked_for_and_not_set(
    bank: Bank, models: tuple[Any, Any], asker: Actor, other: Actor
) -> None:
    bank.project.second_person = True
    bank.project.save()
    before = decides(bank)
    with pytest.raises(AskedFirst, match="second person"):
        deciding.change(asker, bank.project, {"bands": BLOCK["bands"]}, "stricter")
    # Neither does the host's own way past the pages lead there.
    with pytest.raises(ConsentRefused, match="second person"):
        set_operating_point(asker, bank.project, models[0], BLOCK)
    assert decides(bank) == before
    asked = publishing.listing(asker, bank.project).get(state="waiting")
    publishing.approve(other, asked)
    assert decides(bank)[1].bands[0].block == 0.5
    publishing.roll_back_point(asker, bank.project, models[0], "At once.")
    assert decides(bank) == before
