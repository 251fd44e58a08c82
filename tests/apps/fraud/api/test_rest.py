"""REST of the desk: policies, refusals, what is answered."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern

from apps.fraud.api.urls import urlpatterns
from apps.fraud.models import Alert, TransactionLabel
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import ringing
from loupe.accounts.models import Role
from loupe.accounts.policy import LOWEST_ROLE, SCOPES, Action
from loupe.api import limits
from tests.apps.fraud.api.test_rings import RING
from tests.apps.fraud.bank import Bank, paid

API = "/api/v1/fraud/"


@pytest.fixture(autouse=True)
def unlimited() -> Any:
    limits.set_rate(100_000)
    yield
    limits.set_rate(10_000)


@pytest.fixture
def full(bank: Bank) -> Bank:
    bank.store(*(paid(n, f"C-{n % 4}", device=f"d/{n % 2}") for n in range(8)))
    bank.case("C-2")
    return bank


def addresses(bank: Bank) -> list[tuple[str, str, tuple[Action, ...]]]:
    """Method, address and the actions of which one is enough, that of the lowest role first."""
    ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING])
    filled = {
        "<int:alert_id>": str(bank.alert("C-1").pk),
        "<uuid:backtest_id>": "00000000-0000-0000-0000-000000000000",
        "<uuid:run_id>": "00000000-0000-0000-0000-000000000000",
        "<int:shadow_id>": "1",
        "<int:ring_id>": str(Alert.objects.get(kind="ring").pk),
        "<int:number>": "1",
        "<slug:type>/<path:key>": "device/d/1",
        "<slug:key>": "watch",
        "<int:entry_id>": "1",
    }
    found = []
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        for name, value in filled.items():
            route = route.replace(name, value)
        view: Any = pattern.callback.cls  # type: ignore[attr-defined]
        for method, asked in view.policy.items():
            actions = asked if isinstance(asked, tuple) else (asked,)
            found.append((method, API + route, actions))
    return found


def post(client: Client, path: str, body: object, **headers: Any) -> Any:
    return client.post(API + path, json.dumps(body), "application/json", **headers)


def test_every_endpoint_asks_its_policy_of_roles_and_scopes(full: Bank) -> None:
    ranks = list(Role)
    people = {role: full.client(role.value) for role in Role}
    keys = {scope: full.key(scope) for scope in sorted(SCOPES)}
    stranger, anyone = full.client("stranger"), Client()
    for method, path, actions in addresses(full):
        for role, client in people.items():
            enough = ranks.index(role) >= ranks.index(LOWEST_ROLE[actions[0]])
            status = client.generic(method, path, "{}", "application/json").status_code
            assert (status != 403) == enough, (method, path, role, status)
        for scope, key in keys.items():
            status = anyone.generic(method, path, "{}", "application/json", **key).status_code
            assert (status != 403) == (scope in actions), (method, path, scope, status)
        path = f"{path}?project=bank"
        assert stranger.generic(method, path, "{}", "application/json").status_code == 404
        assert anyone.generic(method, path, "{}", "application/json").status_code == 401


def test_alerts_are_listed_page_by_page_without_repeating_one(full: Bank) -> None:
    full.store(*(paid(100 + n, f"P-{n}", score=0.9 + n / 500) for n in range(25)))
    client, cursor, seen = full.client("viewer"), "", []
    while True:
        page = client.get(f"{API}alerts?limit=7{cursor}").json()
        seen += [alert["score"] for alert in page["alerts"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == 28
    assert seen == sorted(seen, reverse=True)
    assert client.get(f"{API}alerts?cursor=x").status_code == 400
    assert client.get(f"{API}alerts?order=random").json()["code"] == "invalid"


def test_an_alert_tells_its_transactions_and_is_closed_with_a_word(full: Bank) -> None:
    client, alert = full.client(), full.alert("C-1")
    shown = client.get(f"{API}alerts/{alert.pk}").json()
    assert [hit["transaction"] for hit in shown["transactions"]] == ["T-5", "T-1"]
    assert shown["transactions"][0]["entities"]["device"] == "d/1"
    closed = post(client, f"alerts/{alert.pk}/close", {"disposition": "fraud"})
    assert (closed.json()["state"], closed.json()["disposition"]) == ("closed", "fraud")
    in_case = post(client, f"alerts/{full.alert('C-2').pk}/close", {"disposition": "fraud"})
    assert in_case.status_code == 409
    assert post(client, f"alerts/{alert.pk}/close", {"disposition": "bad"}).status_code == 400


def test_a_case_goes_from_opening_to_its_word(full: Bank) -> None:
    client = full.client()
    ids = [full.alert(key).pk for key in ("C-0", "C-1")]
    made = post(client, "cases", {"alerts": ids})
    assert made.status_code == 201
    assert made.headers["Location"] == f"{API}cases/2"
    assert post(client, "cases", {"alerts": ids}).status_code == 409
    post(client, "cases/2/notes", {"text": "Called."})
    post(client, "cases/2/close", {"disposition": "honest"})
    shown = client.get(f"{API}cases/2").json()
    assert [event["kind"] for event in shown["events"]] == ["opened", "note", "closed"]
    assert {alert["disposition"] for alert in shown["alerts"]} == {"honest"}
    assert [case["number"] for case in client.get(f"{API}cases?state=all").json()["cases"]] == [
        2,
        1,
    ]


def test_a_payment_system_tells_labels_and_may_repeat_itself(full: Bank) -> None:
    key, client = full.key("submit", "view"), Client()
    body = {
        "labels": [
            {"transaction": "T-1", "label": "fraud", "known_at": "2026-03-09T08:00:00Z"},
            {"transaction": "T-2", "label": "honest"},
        ],
        "source": "chargeback",
    }
    assert post(client, "labels", body, **key).json() == {
        "standing": 2,
        "same": 0,
        "outweighed": 0,
    }
    assert post(client, "labels", body, **key).json()["same"] == 2
    late = {"labels": [{"transaction": "T-1", "label": "honest", "known_at": "2026-03-01T00:00Z"}]}
    assert post(client, "labels", late, **key).json()["outweighed"] == 1
    assert TransactionLabel.objects.get(transaction="T-1", standing=True).label == "fraud"
    listed = client.get(f"{API}labels?limit=2", **key).json()
    assert [one["standing"] for one in listed["labels"]] == [False, True]
    wrong = {"labels": [{"transaction": "T-1", "label": "fraud", "known_at": "2026-03-01T00:00"}]}
    refused = post(client, "labels", wrong, **key)
    assert (refused.status_code, "zone" in refused.json()["detail"]) == (400, True)


def test_an_entity_is_shown_with_its_past_and_its_neighbours(full: Bank) -> None:
    shown = full.client("viewer").get(f"{API}entities/device/d/1").json()
    assert (shown["key"], shown["count"], shown["flagged"]) == ("d/1", 4, 4)
    assert [one["id"] for one in shown["transactions"]] == ["T-7", "T-5", "T-3", "T-1"]
    assert {node["key"] for node in shown["nodes"]} == {"d/1", "C-1", "C-3"}
    assert full.client("viewer").get(f"{API}entities/device/none").status_code == 404


def test_lists_are_kept_by_key(full: Bank) -> None:
    key, client = full.key("manage_models", "view"), Client()
    body = {"type": "device", "key": "d/1", "reason": "emulator"}
    made = post(client, "lists/watch", body, **key)
    assert made.status_code == 201
    assert post(client, "lists/watch", body, **key).status_code == 409
    assert client.get(f"{API}lists/watch", **key).json()["entries"][0]["key"] == "d/1"
    post(client, f"lists/entries/{made.json()['id']}/remove", None, **key)
    assert client.get(f"{API}lists/watch", **key).json()["entries"] == []
    assert len(client.get(f"{API}lists/watch?past=yes", **key).json()["entries"]) == 1
    assert client.get(f"{API}lists/nonsense", **key).status_code == 404


@pytest.mark.parametrize("path", ["alerts?limit=200", "cases", "labels", "lists/watch"])
def test_queries_do_not_grow_with_the_rows(full: Bank, path: str) -> None:
    client = full.client("viewer")
    client.get(API + path)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(API + path)
        return len(asked)

    few = queries()
    full.store(*(paid(300 + n, f"Q-{n}") for n in range(30)))
    full.case("Q-1")
    assert queries() == few
