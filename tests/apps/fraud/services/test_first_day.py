"""The demo project's first day: a ring and a case about it stand there, once."""

import pytest

from apps.fraud.models import Alert, Case
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import first_day, ringing
from tests.apps.fraud.bank import Bank, paid
from tests.apps.fraud.services.test_ringing import RING


@pytest.fixture
def found(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Alerts on two members and an outsider; looking for rings finds one of three members."""
    bank.store(paid(1, "C-1"), paid(2, "C-3"), paid(3, "C-9"))
    monkeypatch.setattr(
        ringing,
        "refresh",
        lambda _project, _options: ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING]),
    )
    return bank


def test_the_ring_and_its_members_alerts_are_one_case(found: Bank) -> None:
    first_day.prepare(found.actor(), found.project)
    case = Case.objects.get()
    about = Alert.objects.filter(case=case)
    assert set(about.values_list("entity_key", flat=True)) == {RING.key, "C-1", "C-3"}
    assert Alert.objects.get(entity_key="C-9").state == "open"
    assert case.events.filter(kind="note").count() == 1


def test_a_second_time_changes_nothing(found: Bank) -> None:
    first_day.prepare(found.actor(), found.project)
    first_day.prepare(found.actor(), found.project)
    assert Case.objects.count() == 1


def test_without_a_ring_the_riskiest_alert_is_the_case(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ringing, "refresh", lambda _project, _options: "")
    first_day.prepare(bank.actor(), bank.project)
    assert not Case.objects.exists()
    bank.store(paid(1, "C-1", score=0.93), paid(2, "C-2", score=0.97))
    first_day.prepare(bank.actor(), bank.project)
    assert Alert.objects.get(case=Case.objects.get()).entity_key == "C-2"
