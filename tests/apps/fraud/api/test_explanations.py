"""Explanations by REST: asked for by people who decide, read by keys that look."""

import pytest
from django.test import Client

from apps.fraud.models import AlertExplanation
from apps.fraud.services import explanation_work
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services.explained import bank_of


@pytest.fixture
def address(bank: Bank) -> str:
    bank_of(bank)
    return f"/api/v1/fraud/alerts/{bank.alert('C-17').pk}/explanations"


def test_it_is_asked_for_made_once_and_read(bank: Bank, address: str) -> None:
    client, headers = bank.client(), bank.key("view")
    body = {"transaction": "E-119"}
    asked = client.post(address, body, content_type="application/json")
    assert asked.status_code == 202, asked.content
    assert asked.json()["told"] is None
    assert asked.headers["Location"].endswith("/explanations")
    explanation_work.turn(AlertExplanation.objects.get().pk)
    (found,) = Client().get(address, **headers).json()["explanations"]
    row = AlertExplanation.objects.get()
    assert row.told is not None
    assert found["told"]["second"]["r2"] == row.told["explanation"]["lime"]["r2"]
    assert found["told"]["second"]["verdict"]["zh"]
    assert found["told"]["carried"][0]["payer"].startswith("C-")
    again = client.post(address, body, content_type="application/json")
    assert again.json()["id"] == found["id"]
    wrong = client.post(address, {"transaction": "T-9"}, content_type="application/json")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "not_found")


def test_a_key_that_only_reads_does_not_ask_and_strangers_see_nothing(
    bank: Bank, address: str
) -> None:
    client, headers = Client(), bank.key("view")
    asked = client.post(address, {}, content_type="application/json", **headers)
    assert asked.status_code == 403
    assert client.get(address, **headers).json() == {"explanations": []}
    assert client.get(address).status_code == 401
