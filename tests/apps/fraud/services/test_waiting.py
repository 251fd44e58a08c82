"""What waits for a person stands on the project's first page, each with where it is done."""

from django.urls import reverse

from apps.fraud.models import Alert
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import cases, ringing
from apps.fraud.services.waiting import waiting
from tests.apps.fraud.bank import Bank, paid
from tests.apps.fraud.services.test_ringing import RING


def test_alerts_rings_and_own_cases_wait_and_lead_to_their_lists(bank: Bank) -> None:
    actor = bank.actor("reviewer")
    assert waiting(actor, bank.project) == []
    bank.store(paid(1, "C-1"), paid(2, "C-2"), paid(3, "C-3"))
    ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING])
    cases.open_case(actor, bank.project, [Alert.objects.get(entity_key="C-3")])
    found = waiting(actor, bank.project)
    assert [one.count for one in found] == [2, 1, 1]
    client = bank.client("reviewer")
    for one in found:
        assert client.get(one.url).status_code == 200
    assert [one.count for one in waiting(bank.actor("viewer"), bank.project)] == [2, 1]
    home = client.get(reverse("console:home", args=[bank.project.slug])).content.decode()
    assert "Rings of payers who act together." in home
    assert "Nothing waits for a person." not in home
