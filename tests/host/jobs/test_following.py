"""An app hears of results whose senders said something, in the transaction that stores them."""

import pytest
from dummy_app import batches

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Actor
from loupe.contract.outcomes import DecisionDraft
from loupe.jobs.models import Result
from loupe.jobs.provenance import shared
from loupe.jobs.record import SyncCall, record_many
from loupe.plugins import registry as apps
from loupe.review import services as review
from loupe.testing import factories

APP = "dummy_app"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def silence() -> None:
    batches.HEARD.clear()


def call(project: Project, **facts: str) -> SyncCall:
    domain = apps.get(APP)
    return SyncCall(
        actor=SYSTEM,
        project=project,
        app=APP,
        provenance=shared(APP, None, None),
        name="a.json",
        kind="reading",
        blob=None,
        result=domain.result_schema(value=1, scaled=2),
        decision=DecisionDraft(outcome="low", score=2),
        settings=domain.operating_point_schema(),
        facts=facts,
    )


def test_synchronous_results_with_facts_are_told_and_others_are_not() -> None:
    project = factories.project()
    record_many([call(project), call(project, batch="b1"), call(project, batch="b2")])
    assert [heard.facts for heard in batches.HEARD] == [{"batch": "b1"}, {"batch": "b2"}]
    heard = batches.HEARD[0]
    stored = Result.objects.get(pk=heard.result_id)
    assert (heard.outcome, heard.machine_outcome, heard.input_name) == ("low", "low", "a.json")
    assert heard.data.model_dump()["scaled"] == stored.data["scaled"]
    assert heard.operating_point == apps.get(APP).operating_point_schema()


def test_a_review_is_told_with_both_outcomes_and_so_is_its_undo() -> None:
    project = factories.project()
    record_many([call(project, batch="b1")])
    actor = Actor(user=factories.person("eva", project))
    result = Result.objects.select_related("project").get()
    batches.HEARD.clear()
    review.give(actor, result, "lower")
    review.undo(actor, result)
    told = [(heard.machine_outcome, heard.outcome, heard.reviewed) for heard in batches.HEARD]
    assert told == [("low", "low", True), ("low", "low", False)]


def test_what_the_app_refuses_undoes_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(results: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(batches, "on_results", refuse)
    project = factories.project()
    with pytest.raises(ValueError, match="no"):
        record_many([call(project, batch="b1")])
    assert not Result.objects.exists()
