"""What live state refuses is set aside with its reason; what it takes goes through beside it."""

import importlib
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from apps.fraud.live.service import FraudService
from apps.fraud.models import Telling
from apps.fraud.services import outbox
from loupe.accounts.errors import NotVisible
from loupe.audit.models import Event
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from loupe.host import live
from tests.apps.fraud.bank import AT, Bank

pytestmark = pytest.mark.django_db(transaction=True)
LABELS: dict[str, Any] = {
    "ids": ["T-1", "x" * 300, "T-3", "T-4"],
    "labels": [1, 1, 0, 7],
    "known_at": [AT, AT, AT, AT],
}


@pytest.fixture
def service(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> FraudService:
    """The live service itself, asked without the engine around it."""
    service = FraudService()

    def apply(_slug: str, project: object, _request: str, payload: Payload) -> Payload:
        return service.apply(Payload(meta={"project": str(project), **payload.meta}))

    monkeypatch.setattr(live, "apply", apply)
    return service


def test_the_labels_beside_a_bad_one_reach_live_state(bank: Bank, service: FraudService) -> None:
    outbox.tell(bank.project, "labels", LABELS)
    outbox.tell(bank.project, "labels", {"ids": ["T-9"], "labels": [1], "known_at": [AT]})
    assert service.figures()["pending_labels"] == 3
    assert outbox.waiting(bank.project) == 0
    kept = outbox.set_aside(bank.actor("viewer"), bank.project)
    assert [(one.kind, one.name, one.code) for one in kept] == [
        ("labels", "x" * 300, "label_id"), ("labels", "T-4", "unknown_label"),
    ]  # fmt: skip
    (event,) = Event.objects.filter(action="live.set_aside")
    assert (event.actor, event.details["count"]) == ("system", 2)
    said = outbox.tell_live(str(bank.project.pk), {})
    assert said == "0 sent, 0 waiting; of 1 something was set aside so far"


def test_a_telling_of_which_nothing_can_be_used_is_set_aside_whole(
    bank: Bank, service: FraudService
) -> None:
    entry = {"list": "watch", "op": "burn", "entity": "customer", "key": "C-1", "expires_at": -1}
    outbox.tell(bank.project, "list", entry)
    outbox.tell(bank.project, "labels", {**LABELS, "known_at": [-1] * 4})
    outbox.tell(bank.project, "labels", {"ids": ["T-9"], "labels": [1], "known_at": [AT]})
    assert service.figures()["pending_labels"] == 1
    kept = outbox.set_aside(bank.actor("viewer"), bank.project)
    assert sorted(one.name for one in kept) == sorted(["customer C-1", *LABELS["ids"]])
    assert {one.code for one in kept} == {"list_entry", "time_range", "label_id", "unknown_label"}


def test_a_fault_of_the_project_lets_everything_wait_until_it_is_mended(
    bank: Bank, service: FraudService, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = live.apply

    def full(*_asked: object) -> Payload:
        raise InputRefused("Live sessions are too large.", code="live_memory")

    monkeypatch.setattr(live, "apply", full)
    outbox.tell(bank.project, "labels", LABELS)
    assert outbox.waiting(bank.project) == 1
    assert outbox.set_aside(bank.actor("viewer"), bank.project) == []
    monkeypatch.setattr(live, "apply", answers)
    assert outbox.send(bank.project.pk) == 1
    assert service.figures()["pending_labels"] == 2


def test_pages_show_what_was_set_aside_in_both_languages(bank: Bank, service: FraudService) -> None:
    outbox.tell(bank.project, "labels", LABELS)
    client = bank.client("viewer")
    for page in ("labels/", "lists/"):
        shown = client.get(bank.url(page)).content.decode()
        assert "Live state did not take 2 labels or entries." in shown
        assert "labels[3] is 7; send 1 (fraud)" in shown
    client.cookies["django_language"] = "zh-hans"
    shown = client.get(bank.url("labels/")).content.decode()
    assert "实时状态未接受 2 个标签或条目" in shown
    assert "labels[3] 的值为 7" in shown


def test_another_project_sees_nothing_of_it(bank: Bank, service: FraudService) -> None:
    outbox.tell(bank.project, "labels", LABELS)
    with pytest.raises(NotVisible):
        outbox.set_aside(bank.actor("stranger"), bank.project)
    assert outbox.set_aside(bank.actor("stranger"), bank.other) == []


def test_what_was_refused_before_rows_had_reasons_is_shown_with_its_own(bank: Bank) -> None:
    Telling.objects.create(
        project=bank.project, kind="labels", body=LABELS, error="Too early. (time_range)",
        answered_at=timezone.now(),
    )  # fmt: skip
    migration = importlib.import_module("apps.fraud.migrations.0013_set_aside")
    migration.keep_reasons(apps, None)
    kept = outbox.set_aside(bank.actor("viewer"), bank.project)
    assert [(one.name, one.why) for one in kept] == [
        (name, "Too early. (time_range)") for name in LABELS["ids"]
    ]
