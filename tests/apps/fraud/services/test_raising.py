"""Alerts: one per payer while it is open, whatever comes and however often."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.fraud.models import Alert, AlertHit, ListEntry
from apps.fraud.services import alerts, lists
from apps.fraud.services.following import on_blocks
from tests.apps.fraud.bank import Bank, paid


def test_only_what_is_held_back_or_blocked_alerts(bank: Bank) -> None:
    bank.store(
        paid(0, "C-0", score=0.1),
        paid(1, "C-1", score=0.75),
        paid(2, "C-2", score=0.95),
        paid(3, "C-3", score=0.999),
    )
    found = dict(Alert.objects.values_list("entity_key", "outcome"))
    assert found == {"C-2": "review", "C-3": "block"}


def test_further_hits_join_the_open_alert_of_their_payer(bank: Bank) -> None:
    bank.store(paid(1), paid(2, amount=100, amount_original=100))
    bank.store(paid(3, score=0.995, amount=7, amount_original=7))
    alert = Alert.objects.get()
    assert (alert.hits, alert.amount, alert.score, alert.outcome) == (3, 12_452, 0.995, "block")
    assert alert.first_ms == paid(1).event_time
    assert alert.last_ms == paid(3).event_time
    assert alert.reasons
    assert {"code", "en", "zh"} <= set(alert.reasons[0])


def test_a_block_that_is_told_twice_raises_nothing_new(bank: Bank) -> None:
    block = bank.store(paid(1), paid(2))
    before = Alert.objects.values().get()
    on_blocks([block])
    after = Alert.objects.values().get()
    assert (after["hits"], after["amount"]) == (before["hits"], before["amount"]) == (2, 24_690)
    assert AlertHit.objects.count() == 2


def test_after_an_alert_is_closed_the_next_hit_opens_another(bank: Bank) -> None:
    bank.store(paid(1))
    alerts.close(bank.actor(), bank.project, [bank.alert()], "honest")
    bank.store(paid(2))
    assert list(Alert.objects.order_by("pk").values_list("state", "hits")) == [
        ("closed", 1),
        ("open", 1),
    ]


def test_a_hit_on_an_alert_in_a_case_raises_the_money_of_the_case(bank: Bank) -> None:
    bank.store(paid(1))
    case = bank.case()
    assert case.amount == 12_345
    bank.store(paid(2))
    case.refresh_from_db()
    assert case.amount == 24_690
    assert Alert.objects.get().state == "in_case"


def test_a_snoozed_payer_raises_nothing_until_the_time_is_over(bank: Bank) -> None:
    snooze = lists.find(bank.actor(), bank.project, "snooze")
    entry = lists.add(
        bank.actor(),
        snooze,
        type_="customer",
        key="C-1",
        reason="card replaced",
        expires_at=timezone.now() + timedelta(hours=1),
    )
    bank.store(paid(1), paid(2, "C-2"))
    assert [alert.entity_key for alert in Alert.objects.all()] == ["C-2"]
    entry.refresh_from_db()
    assert entry.held_back == 1
    ListEntry.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    bank.store(paid(3))
    assert Alert.objects.filter(entity_key="C-1").count() == 1


def test_a_payment_without_a_payer_is_an_alert_of_its_own(bank: Bank) -> None:
    one, two = paid(1, customer=""), paid(2, customer="")
    bank.store(one, two)
    found = Alert.objects.order_by("pk").values_list("entity_type", "entity_key")
    assert set(found) == {("transaction", "T-1"), ("transaction", "T-2")}


def test_hostile_identifiers_are_kept_and_found_again(bank: Bank) -> None:
    for number, key in enumerate(
        ("Zoë\u202e", "a\x00b", "x" * 1000, "=cmd|'/C calc'!A0", "用户/1")
    ):
        bank.store(paid(number, key))
    assert Alert.objects.count() == 5
    assert all(len(alert.entity_key) <= 256 for alert in Alert.objects.all())


def test_queries_do_not_grow_with_the_hits(bank: Bank) -> None:
    def queries(*rows: int) -> int:
        block = bank.block(*(paid(number, f"C-{number}") for number in rows))
        with CaptureQueriesContext(connection) as asked:
            on_blocks([block])
        return len(asked)

    queries(1)
    few = queries(*range(10, 12))
    assert queries(*range(100, 300)) <= few
