"""REST of policy: rules, thresholds, scheme and rates are those of the pages."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.fraud.models import ExchangeRate, RuleSet, SchemeVersion, ThresholdRun
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import deciding, fitting_work
from loupe.api import limits
from loupe.testing import factories
from tests.apps.fraud.bank import Bank, paid

API = "/api/v1/fraud/"
RULE = {"key": "large", "when": "amount >= 500 EUR", "outcome": "block"}


@pytest.fixture(autouse=True)
def unlimited() -> Any:
    limits.set_rate(100_000)
    yield
    limits.set_rate(10_000)


@pytest.fixture
def asked(bank: Bank) -> Any:
    """Sends with a key that may manage models."""
    factories.model_version(None, "fraud", "payments")
    key, client = bank.key("manage_models", "view"), Client()

    def send(path: str, body: object = None) -> Any:
        if body is None:
            return client.get(API + path, **key)
        return client.post(API + path, json.dumps(body), "application/json", **key)

    return send


def test_rules_are_saved_used_and_looked_at(bank: Bank, asked: Any) -> None:
    present = asked("rules").json()
    assert (present["number"], present["deciding"]) == (0, 0)
    made = asked("rules", {"rules": [*present["rules"], RULE], "seen": 0, "note": "Q2"})
    assert (made.status_code, made.json()["number"]) == (201, 1)
    assert asked("rules", {"rules": [RULE], "seen": 0}).status_code == 409
    point = asked("rules/1/use", {}).json()["operating_point"]
    actor = bank.actor("engineer")
    now = deciding.now(actor, bank.project)
    assert (now.stored.number, now.point.rules_version) == (point, 1)
    assert asked("rules").json()["deciding"] == 1
    assert asked("rules/7/use", {}).status_code == 404
    listed = asked("rules/versions").json()["versions"]
    assert [(one["number"], one["note"]) for one in listed] == [(1, "Q2")]
    bank.store(paid(1, amount=60_000), paid(2, amount=40_000))
    looked = asked("rules/look", {"when": "amount>=300 EUR"}).json()
    assert (looked["written"], looked["rows"], looked["hits"], looked["alone"]) == (
        "amount >= 300 EUR",
        2,
        2,
        1,
    )
    wrong = asked("rules/look", {"when": "late and\n amout > 1 EUR"}).json()
    assert (wrong["ok"], wrong["line"], wrong["column"]) == (False, 2, 2)


def test_a_rule_that_cannot_be_names_its_field(asked: Any) -> None:
    body = {"rules": [RULE, {**RULE, "key": "b", "when": "nothing > 1"}], "seen": 0}
    refused = asked("rules", body)
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("Rule b: Character 1: ")
    assert not RuleSet.objects.exists()


def test_thresholds_that_cannot_be_fitted_say_what_is_missing(asked: Any) -> None:
    budget = {"asked": {"budgets": [{"outcome": "block", "at_most": 0.1}]}}
    begun = asked("thresholds", budget)
    assert (begun.status_code, begun.json()["state"]) == (202, "queued")
    place = begun.headers["Location"].removeprefix(API)
    fitting_work.turn(ThresholdRun.objects.get().pk)
    found = asked(place).json()
    assert (found["state"], found["error_code"]) == ("failed", "too_few_labels")
    assert "more legitimate rows are missing" in found["error"]
    assert found["missing"] > 0
    assert [one["id"] for one in asked("thresholds/fits").json()["fits"]] == [found["id"]]
    assert asked(f"{place}/cancel", {}).status_code == 409
    asked("thresholds", budget)
    waiting = ThresholdRun.objects.get(state="queued")
    ended = asked(f"thresholds/fits/{waiting.pk}/cancel", {}).json()
    assert (ended["state"], ended["proposal"]) == ("cancelled", None)
    assert asked("thresholds").json()["proposals"] == []
    assert asked("thresholds/1/use", {}).status_code == 404
    assert asked("thresholds/control", {"share": 0.01, "cap": 10_000}).status_code == 200
    assert asked("thresholds/control", {"share": 0.2, "cap": 10_000}).status_code == 400


def test_a_scheme_is_tried_then_declared(asked: Any) -> None:
    assert asked("scheme").json()["number"] == 0
    data = {**CARD_PAYMENTS.model_dump(mode="json"), "timezone": "Asia/Shanghai"}
    tried = asked("scheme", {"data": data, "seen": 0, "dry_run": True}).json()
    assert tried["saved"] is False
    assert any("clocks of Asia/Shanghai" in one["en"] for one in tried["effects"])
    assert not SchemeVersion.objects.exists()
    assert asked("scheme", {"data": data, "seen": 0}).json()["number"] == 1
    refused = asked("scheme", {"data": {**data, "timezone": "Mars"}, "seen": 1})
    assert "data.timezone" in json.dumps(refused.json())


def test_rates_are_told_together_or_not_at_all(asked: Any) -> None:
    good = {"currency": "USD", "since": "2026-03-01", "rate": "0.9137"}
    bad = {"currency": "USD", "since": "yesterday", "rate": "0.9"}
    refused = asked("rates", {"rates": [good, bad]})
    assert refused.status_code == 400
    assert "rates[1], from" in refused.json()["detail"]
    assert not ExchangeRate.objects.exists()
    assert asked("rates", {"rates": [good]}).json() == {"new": 1, "changed": 0, "same": 0}
    (row,) = asked("rates?currency=usd").json()["rates"]
    assert (row["rate"], row["base"]) == ("0.9137", "EUR")
    assert asked(f"rates/{row['id']}/remove", {}).status_code == 204
    assert asked("rates").json()["rates"] == []
