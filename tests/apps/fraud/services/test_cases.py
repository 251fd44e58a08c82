"""Cases: taken on, handed over, noted, closed with a word that becomes labels."""

import pytest

from apps.fraud.models import Alert, AlertHit, Attachment, Case, TransactionLabel
from apps.fraud.services import alerts, cases
from apps.fraud.services.errors import Taken, Unusable
from loupe.accounts.errors import Denied, NotVisible
from loupe.audit.models import Event
from loupe.host.blobs import store_bytes
from tests.apps.fraud.bank import Bank, paid


def attach(bank: Bank, case: Case, name: str, data: bytes, role: str = "reviewer") -> Attachment:
    return cases.attach(
        bank.actor(role), case, name, len(data), lambda: store_bytes(data, "text/plain")
    )


def test_a_case_takes_its_alerts_and_belongs_to_who_opened_it(bank: Bank) -> None:
    bank.store(paid(1, "C-1"), paid(2, "C-2"))
    case = bank.case("C-1", "C-2")
    assert (case.number, case.amount, case.assignee) == (1, 24_690, bank.people["reviewer"])
    assert set(Alert.objects.values_list("state", "case")) == {("in_case", case.pk)}
    bank.store(paid(3, "C-3"))
    assert bank.case("C-3").number == 2


def test_an_alert_is_in_one_case_at_most(bank: Bank) -> None:
    bank.store(paid(1))
    alert = bank.alert()
    bank.case()
    with pytest.raises(Taken):
        cases.open_case(bank.actor(), bank.project, [alert])
    assert bank.project.pk is not None
    assert Alert.objects.exclude(case=None).count() == 1


def test_closing_labels_every_transaction_with_the_time_it_was_known(bank: Bank) -> None:
    bank.store(paid(1), paid(2))
    case = bank.case()
    bank.store(paid(3))
    cases.close(bank.actor(), case, "fraud", "The customer called.")
    rows = TransactionLabel.objects.filter(standing=True)
    assert {row.transaction for row in rows} == {"T-1", "T-2", "T-3"}
    assert {(row.label, row.source, row.case_id) for row in rows} == {("fraud", "analyst", case.pk)}
    assert {row.known_at for row in rows} == {Alert.objects.get().closed_at}
    with pytest.raises(Taken):
        cases.close(bank.actor(), case, "honest")


def test_history_says_who_did_what_in_order(bank: Bank) -> None:
    bank.store(paid(1))
    case = bank.case()
    cases.note(bank.actor(), case, "Called: no answer.")
    cases.hand_over(bank.actor(), case, bank.people["second"], "Try again at noon.")
    attach(bank, case, "C:\\mail\\voice.txt", b"hello", "second")
    cases.close(bank.actor("second"), case, "honest")
    cases.reopen(bank.actor(), case)
    told = list(case.events.order_by("pk").values_list("kind", "who"))
    first, second = "user:reviewer", "user:second"
    assert told == [
        ("opened", first),
        ("note", first),
        ("handed_over", first),
        ("attached", second),
        ("closed", second),
        ("reopened", first),
    ]
    assert Attachment.objects.get().name == "voice.txt"
    actions = Event.objects.filter(subject=f"case:{case.pk}").values_list("action", flat=True)
    assert len(actions) >= 6


def test_a_hand_over_needs_a_word_and_a_reviewer(bank: Bank) -> None:
    bank.store(paid(1))
    case = bank.case()
    with pytest.raises(Unusable):
        cases.hand_over(bank.actor(), case, bank.people["second"], "  ")
    with pytest.raises(Denied):
        cases.note(bank.actor("operator"), case, "x")


def test_the_same_file_is_kept_once_and_too_large_ones_are_refused(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.store(paid(1))
    case = bank.case()
    first = attach(bank, case, "a.txt", b"x")
    assert first.pk == attach(bank, case, "a.txt", b"x").pk
    monkeypatch.setattr(cases, "LARGEST_FILE", 3)
    for data in (b"", b"four"):
        with pytest.raises(Unusable, match="bytes"):
            attach(bank, case, "b.txt", data)


def test_alerts_are_closed_together_but_not_those_in_cases(bank: Bank) -> None:
    bank.store(paid(1, "C-1"), paid(2, "C-2"), paid(3, "C-3"))
    bank.case("C-3")
    chosen = [bank.alert("C-1"), bank.alert("C-2")]
    assert alerts.close(bank.actor(), bank.project, chosen, "honest", "Bulk") == 2
    assert alerts.close(bank.actor(), bank.project, chosen, "honest") == 0
    with pytest.raises(Taken, match="belongs to a case"):
        alerts.close(bank.actor(), bank.project, [bank.alert("C-3")], "fraud")
    assert AlertHit.objects.count() == 3


def test_strangers_find_nothing(bank: Bank) -> None:
    bank.store(paid(1))
    with pytest.raises(NotVisible):
        alerts.find(bank.actor("stranger"), bank.project, bank.alert().pk)
    with pytest.raises(NotVisible):
        alerts.find(bank.actor(), bank.other, bank.alert().pk)
    with pytest.raises(NotVisible):
        alerts.find_many(bank.actor("stranger"), bank.project, [bank.alert().pk])
