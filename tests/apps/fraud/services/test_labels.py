"""Labels: which word stands, and what live state hears of it."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from django.db import transaction
from django.utils import timezone

from apps.fraud.models import Telling, TransactionLabel
from apps.fraud.services import labels, outbox
from apps.fraud.services.errors import Unusable
from apps.fraud.services.labels import Said
from loupe.accounts.errors import Denied
from loupe.contract.runtime.errors import InputRefused, TemporarilyUnavailable
from loupe.host import live
from tests.apps.fraud.bank import Bank, paid

NOW = timezone.now()


def at(hours: int) -> datetime:
    return NOW - timedelta(hours=hours)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_was_known_last_stands_whatever_came_first(bank: Bank, order: list[int]) -> None:
    words = [("honest", at(3)), ("fraud", at(2)), ("unknown", at(2))]
    for number in order:
        label, known_at = words[number]
        said = Said(transaction="T-1", label=label, known_at=known_at)
        labels.give(bank.actor(), bank.project, [said])
    standing = TransactionLabel.objects.get(standing=True)
    assert (standing.label, standing.known_at) == ("fraud", at(2))


def test_a_word_that_stands_already_changes_nothing(bank: Bank) -> None:
    said = [Said(transaction="T-1", label="fraud", known_at=at(1))]
    assert labels.give(bank.actor(), bank.project, said).standing == 1
    again = labels.give(bank.actor(), bank.project, said)
    assert (again.standing, again.same) == (0, 1)
    assert TransactionLabel.objects.count() == 1


def test_a_label_may_come_before_its_transaction(bank: Bank) -> None:
    said = [Said(transaction="T-1", label="fraud", known_at=at(1))]
    labels.give(bank.actor(), bank.project, said, source="chargeback")
    bank.store(paid(1))
    assert labels.of_transactions(bank.project, ["T-1"])["T-1"].label == "fraud"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Said(transaction="", label="fraud"), "labels\\[0\\].transaction"),
        (Said(transaction="T", label="perhaps"), "perhaps"),
        (Said(transaction="T", label="fraud", known_at=NOW + timedelta(days=1)), "ahead"),
        (Said(transaction="T", label="fraud", known_at=datetime(2026, 1, 1)), "zone"),
        (Said(transaction="T", label="fraud", known_at=datetime(1969, 1, 1, tzinfo=UTC)), "1969"),
        (Said(transaction="a\x00b", label="fraud"), "plain text"),
    ],
)
def test_labels_that_cannot_be_are_refused_by_place(bank: Bank, said: Said, words: str) -> None:
    with pytest.raises(Unusable, match=words):
        labels.give(bank.actor(), bank.project, [said])
    assert TransactionLabel.objects.count() == 0


def test_an_analysts_word_needs_a_reviewer_and_a_report_the_right_to_submit(bank: Bank) -> None:
    said = [Said(transaction="T", label="fraud")]
    with pytest.raises(Denied):
        labels.give(bank.actor("operator"), bank.project, said, source="analyst")
    with pytest.raises(Denied):
        labels.give(bank.actor("viewer"), bank.project, said)
    assert labels.give(bank.actor("operator"), bank.project, said).standing == 1


@pytest.mark.django_db(transaction=True)
def test_live_state_hears_of_a_label_with_its_time_once_it_is_committed(bank: Bank) -> None:
    with transaction.atomic():
        said = [Said(transaction="T-1", label="fraud", known_at=at(1))]
        labels.give(bank.actor(), bank.project, said)
        assert bank.told == []
    ((request_id, payload),) = bank.told
    assert payload.meta["kind"] == "labels"
    assert payload.meta["ids"] == ["T-1"]
    assert payload.meta["labels"] == [1]
    assert payload.meta["known_at"] == [int(at(1).timestamp() * 1000)]
    assert str(Telling.objects.get().pk) == request_id


@pytest.mark.django_db(transaction=True)
def test_what_the_engine_did_not_answer_is_sent_again_in_order_under_its_id(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = live.apply
    away: list[str] = []

    def gone(_slug: str, _project: object, request_id: str, *_rest: object) -> None:
        away.append(request_id)
        raise TemporarilyUnavailable("The engine is away.")

    monkeypatch.setattr(live, "apply", gone)
    for number in (1, 2):
        said = [Said(transaction=f"T-{number}", label="fraud", known_at=at(1))]
        labels.give(bank.actor(), bank.project, said)
    assert outbox.waiting(bank.project) == 2
    monkeypatch.setattr(live, "apply", answers)
    assert outbox.tell_live(str(bank.project.pk), {}) == "2 sent, 0 waiting"
    assert [payload.meta["ids"] for _id, payload in bank.told] == [["T-1"], ["T-2"]]
    assert bank.told[0][0] == away[0]


@pytest.mark.django_db(transaction=True)
def test_what_the_service_refuses_does_not_hold_up_the_rest(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = live.apply

    def picky(slug: str, project: object, request_id: str, payload: object) -> object:
        if "T-1" in str(payload):
            raise InputRefused("No such list.", code="unknown_list")
        return answers(slug, project, request_id, payload)  # type: ignore[arg-type]

    monkeypatch.setattr(live, "apply", picky)
    for number in (1, 2):
        said = [Said(transaction=f"T-{number}", label="fraud", known_at=at(1))]
        labels.give(bank.actor(), bank.project, said)
    assert outbox.waiting(bank.project) == 0
    assert "unknown_list" in Telling.objects.order_by("created_at")[0].error
    assert len(bank.told) == 1
