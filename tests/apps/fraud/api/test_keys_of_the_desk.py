"""A case system works the desk with a key: what it may do, what it may not, and how it is named."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.fraud.models import Case, ListEntry, TransactionLabel
from loupe.accounts import keys
from loupe.audit.models import Event
from tests.apps.fraud.bank import Bank, paid

API = "/api/v1/fraud/"
NAMED = {"key": "case system", "owner": "admin"}


@pytest.fixture
def full(bank: Bank) -> Bank:
    bank.store(*(paid(n, f"C-{n % 4}") for n in range(8)))
    return bank


@pytest.fixture
def key(full: Bank) -> dict[str, Any]:
    """Of a key that an administrator made for the desk."""
    _key, secret = keys.create(
        full.actor("admin"), full.project, "case system", ["manage_cases", "view"], "never"
    )
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


def post(path: str, body: object, key: dict[str, Any]) -> Any:
    return Client().post(API + path, json.dumps(body), "application/json", **key)


def test_a_key_takes_a_case_from_opening_to_its_word_and_is_named_by_what_it_did(
    full: Bank, key: dict[str, Any]
) -> None:
    made = post("cases", {"alerts": [full.alert("C-0").pk]}, key)
    assert (made.status_code, made.json()["assignee"]) == (201, "")
    more = post("cases/1/alerts", {"alerts": [full.alert("C-1").pk]}, key)
    assert {alert["entity_key"] for alert in more.json()["alerts"]} == {"C-0", "C-1"}
    assert post("cases/1/assign", {"assignee": "reviewer"}, key).json()["assignee"] == "reviewer"
    assert post("cases/1/notes", {"text": "Customer called."}, key).status_code == 201
    closed = post("cases/1/close", {"disposition": "fraud"}, key).json()
    assert (closed["state"], closed["disposition"]) == ("closed", "fraud")
    assert post("cases/1/reopen", None, key).json()["state"] == "open"

    labels = TransactionLabel.objects.filter(standing=True, user=None, who__startswith="key:")
    assert set(labels.values_list("transaction", "label", "source")) == {
        (f"T-{n}", "fraud", "system") for n in (0, 1, 4, 5)
    }
    history = Case.objects.get().events.order_by("pk")
    kinds = ["opened", "alerts", "assigned", "note", "closed", "reopened"]
    assert [event.kind for event in history] == kinds
    assert all(NAMED.items() <= event.data.items() for event in history)
    events = Event.objects.filter(actor__startswith="key:")
    told = {event.action: NAMED.items() <= event.details.items() for event in events}
    assert told == dict.fromkeys(
        ("case.opened", "case.alerts_added", "case.assigned", "case.noted", "case.closed",
         "case.reopened", "transactions.labelled"), True,
    )  # fmt: skip
    page = full.client().get(full.url("cases/1/")).content.decode()
    assert page.count("(case system, key made by admin)") == len(kinds)


def test_a_key_assigns_closes_and_reopens_alerts(full: Bank, key: dict[str, Any]) -> None:
    path = f"alerts/{full.alert('C-2').pk}"
    assert post(f"{path}/assign", {"assignee": "second"}, key).json()["assignee"] == "second"
    assert post(f"{path}/assign", {"assignee": ""}, key).json()["assignee"] == ""
    assert post(f"{path}/assign", {"assignee": "viewer"}, key).status_code == 400
    assert post(f"{path}/close", {"disposition": "honest"}, key).json()["state"] == "closed"
    assert post(f"{path}/reopen", None, key).json()["state"] == "open"
    assert post(f"{path}/reopen", None, key).status_code == 409
    acted = Event.objects.filter(action__startswith="alert", actor__startswith="key:")
    assert [NAMED.items() <= event.details.items() for event in acted] == [True] * 4


def test_a_key_of_the_desk_snoozes_watches_and_blocks_and_lets_nobody_through(
    full: Bank, key: dict[str, Any]
) -> None:
    body = {"type": "customer", "key": "C-1", "reason": "known travel"}
    ends = {"expires_at": "2099-01-01T00:00:00Z"}
    for listed in ("watch", "block"):
        assert post(f"lists/{listed}", {**body, **ends}, key).status_code == 201
    assert "90 days" in post("lists/snooze", {**body, **ends}, key).json()["detail"]
    allowed = post("lists/allow", body, key)
    assert (allowed.status_code, allowed.json()["code"]) == (403, "scope_missing")
    entry = ListEntry.objects.get(list__key="block")
    assert post(f"lists/entries/{entry.pk}/remove", None, key).status_code == 200
    told = Event.objects.filter(action__startswith="list.")
    assert [NAMED.items() <= event.details.items() for event in told] == [True] * 3


def test_a_reviewer_changes_by_rest_what_the_page_lets_them(full: Bank) -> None:
    body = {"type": "customer", "key": "C-1", "reason": "seen twice"}
    client = full.client("reviewer")
    made = [
        client.post(f"{API}lists/{listed}", json.dumps(body), "application/json").status_code
        for listed in ("watch", "allow")
    ]
    assert made == [201, 403]


def test_consent_to_publish_stays_a_persons_word(full: Bank, key: dict[str, Any]) -> None:
    assert Client().get(f"{API}publications", **key).status_code == 200
    assert post("publications", {}, key).status_code == 405
    assert post("drafts", {}, key).json()["code"] == "scope_missing"
    assert post("labels", {"labels": []}, key).json()["code"] == "scope_missing"


def test_without_the_scope_nothing_of_the_desk_is_changed(full: Bank) -> None:
    reading = full.key("view", "submit")
    refused = post("cases", {"alerts": [full.alert("C-0").pk]}, reading)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert "manage_cases" in refused.json()["detail"]
    assert not Case.objects.exists()


def test_a_key_whose_maker_is_the_system_says_so(full: Bank) -> None:
    post(
        f"alerts/{full.alert('C-0').pk}/close", {"disposition": "honest"}, full.key("manage_cases")
    )
    (event,) = Event.objects.filter(action="alerts.closed")
    assert (event.details["key"], event.details["owner"]) == ("test", "system")
