"""Lists: who may change them, how they end, and what live state hears."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from apps.fraud.models import ListEntry
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import lists, schemes
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.tables.keys import Hasher
from loupe.accounts.errors import Denied
from loupe.audit.models import Event
from tests.apps.fraud.bank import Bank, paid


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
    "wrong",
    [
        {"type_": "colour"},
        {"key": " "},
        {"key": "a\x00"},
        {"key": "a\u202eb"},
        {"reason": ""},
        {"expires_at": datetime(2100, 1, 1, tzinfo=UTC)},
    ],
)
def test_what_no_list_can_hold_is_refused(bank: Bank, wrong: dict[str, object]) -> None:
    with pytest.raises(Unusable):
        put(bank, **wrong)  # type: ignore[arg-type]
    assert not ListEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_kept_as_a_hash_stands_on_a_list_by_its_hash(bank: Bank) -> None:
    entities = tuple(
        one.model_copy(update={"hashed": one.key == "customer"}) for one in CARD_PAYMENTS.entities
    )
    scheme = CARD_PAYMENTS.model_copy(update={"entities": entities})
    schemes.save(bank.actor("engineer"), bank.project, scheme.model_dump(mode="json"))
    hasher = Hasher(bytes.fromhex(schemes.hash_key(bank.project.pk)))
    kept = str(hasher.hashed("customer", np.array(["4111 1111"]))[0])
    assert put(bank, key="4111 1111").entity_key == kept
    assert bank.told[-1][1].meta["key"] == kept
    with pytest.raises(Taken):
        put(bank, key=" 4111 1111 ")
    bank.store(paid(1, kept))
    with pytest.raises(Taken):
        put(bank, key=kept)
    assert put(bank, type_="device", key="phone-7").entity_key == "phone-7"
