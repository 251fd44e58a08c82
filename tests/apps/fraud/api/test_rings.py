"""Rings by REST, and what webhooks hear of decisions and alerts."""

from typing import Any

import pytest

from apps.fraud.models import Alert
from apps.fraud.rings.told import Evidence, Ring, Tie
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import alerts, ringing
from loupe.changes.services import since
from tests.apps.fraud.bank import Bank, paid

pytestmark = pytest.mark.django_db
RING = Ring(
    key="R-0",
    members=tuple(f"R-{n}" for n in range(9)),
    score=0.93,
    evidence=(Evidence("sharing", 0.9, "9 payers use one device.", "9 个付款人使用同一设备。"),),
    ties=(Tie("device", "R-0", "D-1", 3, 900), Tie("pays", "R-1", "R-0", 2, 600)),
    moved=1_500,
    money=9_000,
    first=1_750_000_000_000,
    last=1_750_000_900_000,
    numbers={},
)


def get(bank: Bank, path: str, **asked: Any) -> Any:
    project = {"project": bank.project.slug}
    return bank.client().get(f"/api/v1/fraud/{path}", {**project, **asked})


def told(bank: Bank) -> list[tuple[str, str]]:
    return [(line.kind, line.subject) for line in since(bank.project, limit=500)]


def test_a_ring_is_listed_with_its_evidence_and_shown_with_members_and_ties(bank: Bank) -> None:
    ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING])
    found = get(bank, "rings").json()["rings"]
    assert [(one["key"], one["members"], one["money"], one["moved"]) for one in found] == [
        ("R-0", 9, 9_000, 1_500)
    ]
    assert found[0]["evidence"][0]["code"] == "sharing"
    shown = get(bank, f"rings/{found[0]['id']}").json()
    assert shown["first_members"] == sorted(RING.members)
    assert {"member": "R-1", "relation": "pays", "other": "R-0", "count": 2} in shown["ties"]


def test_members_come_in_pages_and_none_twice(bank: Bank) -> None:
    ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING])
    address = f"rings/{Alert.objects.get().pk}/members"
    found: list[str] = []
    cursor = None
    while True:
        page = get(bank, address, limit=4, **({"cursor": cursor} if cursor else {})).json()
        found += page["members"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == sorted(RING.members)


def test_an_alert_that_is_no_ring_is_not_one(bank: Bank) -> None:
    bank.store(paid(1))
    assert get(bank, f"rings/{bank.alert().pk}").status_code == 404
    assert get(bank, "rings").json()["rings"] == []


def test_a_new_ring_and_what_it_was_are_told_to_webhooks_once(bank: Bank) -> None:
    ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING])
    ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING])
    alert = Alert.objects.get()
    assert told(bank).count(("alert.raised", str(alert.pk))) == 1
    alerts.close(bank.actor(), bank.project, [alert], "fraud")
    lines = [line for line in since(bank.project, limit=500) if line.kind == "alert.closed"]
    assert [(line.subject, line.data["disposition"]) for line in lines] == [
        (str(alert.pk), "fraud")
    ]


def test_a_payment_for_review_and_its_alert_are_told_once_with_reasons(bank: Bank) -> None:
    bank.store(paid(1), paid(2, score=0.1))
    bank.store(paid(1, repeated=True))
    lines = list(since(bank.project, limit=500))
    decided = [line for line in lines if line.kind == "decision.made"]
    assert [line.data["transaction"] for line in decided] == ["T-1"]
    assert decided[0].data["outcome"] == "review"
    assert decided[0].data["reasons"][0]["code"]
    assert [line.subject for line in lines if line.kind == "alert.raised"] == [str(bank.alert().pk)]
