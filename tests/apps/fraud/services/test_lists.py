"""Lists: who may change them, how they end, and what live state hears."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.fraud.models import ListEntry
from apps.fraud.services import lists
from apps.fraud.services.errors import Taken, Unusable
from loupe.accounts.errors import Denied
from loupe.audit.models import Event
from tests.apps.fraud.bank import Bank


def put(bank: Bank, listed: str = "watch", role: str = "reviewer", **more: object) -> ListEntry:
    said = {"type_": "customer", "key": "C-1", "reason": "seen twice", **more}
    return lists.add(bank.actor(role), lists.find(bank.actor(role), bank.project, listed), **said)  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_live_state_hears_of_additions_and_removals_with_their_end(bank: Bank) -> None:
    end = timezone.now() + timedelta(days=1)
    lists.remove(bank.actor(), put(bank, expires_at=end))
    added, removed = (payload.meta for _id, payload in bank.told)
    wanted = {"kind": "list", "list": "watch", "entity": "customer", "key": "C-1"}
    assert wanted.items() <= dict(added).items()
    assert (added["op"], added["expires_at"]) == ("add", int(end.timestamp() * 1000))
    assert removed["op"] == "remove"


def test_somebody_stands_on_a_list_once_and_again_after_removal_or_expiry(bank: Bank) -> None:
    entry = put(bank, expires_at=timezone.now() + timedelta(days=1))
    with pytest.raises(Taken):
        put(bank)
    ListEntry.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    second = put(bank)
    entry.refresh_from_db()
    assert entry.removed_by == "expired"
    lists.remove(bank.actor(), second)
    with pytest.raises(Taken):
        lists.remove(bank.actor(), second)
    put(bank)


def test_a_snooze_always_ends(bank: Bank) -> None:
    now = timezone.now()
    for end in (None, now - timedelta(days=1), now + timedelta(days=91)):
        with pytest.raises(Unusable):
            put(bank, "snooze", expires_at=end)
    put(bank, "snooze", expires_at=now + timedelta(days=90))
    event = Event.objects.get(action="list.added")
    assert (event.actor, event.details["reason"]) == ("user:reviewer", "seen twice")
    assert event.details["expires_at"]


def test_only_engineers_let_transactions_through(bank: Bank) -> None:
    with pytest.raises(Denied):
        put(bank, "allow")
    put(bank, "allow", role="engineer")
    with pytest.raises(Denied):
        put(bank, "watch", role="operator")


@pytest.mark.parametrize(
    "wrong", [{"type_": "colour"}, {"key": " "}, {"key": "a\x00"}, {"reason": ""}]
)
def test_what_no_list_can_hold_is_refused(bank: Bank, wrong: dict[str, str]) -> None:
    with pytest.raises(Unusable):
        put(bank, **wrong)
