"""The schedule that compacts the live log: what it says, what it writes down, when it stops."""

import threading
from typing import Any

import pytest

from apps.fraud.live.limits import DAY_MS
from apps.fraud.live.service import FraudService
from apps.fraud.services import compacting
from loupe.audit.models import Event
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.live.conftest import cut, idle
from tests.apps.fraud.live.transactions import batch


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FraudService:
    """The live service in this process, asked as the engine's would be."""
    cut(monkeypatch)
    made = FraudService()

    def ask(slug: str, payload: Payload, **_: Any) -> Payload:
        assert slug == "fraud"
        return made.ask(payload)

    monkeypatch.setattr("loupe.host.live.ask", ask)
    monkeypatch.setattr(compacting, "PAUSE_S", 0.01)
    return made


def filled(service: FraudService, bank: Bank) -> None:
    meta: dict[str, Any] = {
        "project": str(bank.project.pk), "context": {"policy": {"features_ms": 2 * DAY_MS}},
    }  # fmt: skip
    for number in range(12):
        service.apply(Payload(arrays=batch(number, apart=3_600_000), meta=meta))
    idle(service)


def test_it_says_bytes_before_and_after_and_leaves_a_record(
    bank: Bank, service: FraudService
) -> None:
    filled(service, bank)
    said = compacting.compact(str(bank.project.pk), {})
    assert "bytes each" in said
    assert "before" in said
    event = Event.objects.get(action="log.compacted")
    assert event.details["bytes_after"] < event.details["bytes_before"]
    assert event.details["left"] == 0
    assert "nothing is old enough" in compacting.compact(str(bank.project.pk), {})
    assert Event.objects.filter(action="log.compacted").count() == 1


def test_a_turn_ends_in_time_and_the_next_goes_on(bank: Bank, service: FraudService) -> None:
    filled(service, bank)
    held = threading.Event()
    assert service._room.compactor is not None
    service._room.compactor.submit(held.wait)
    assert "left for the next turn" in compacting.compact(str(bank.project.pk), {"limit_s": 0.1})
    assert not Event.objects.filter(action="log.compacted").exists()
    held.set()
    idle(service)
    compacting.compact(str(bank.project.pk), {})
    told = service.ask(Payload(meta={"kind": "compact", "project": str(bank.project.pk)})).meta
    assert told["left"] == 0
    assert int(str(told["compacted"])) > 0


def test_a_project_without_transactions_has_nothing_to_compact(
    bank: Bank, service: FraudService
) -> None:
    assert compacting.compact(str(bank.other.pk), {}) == "no transaction yet"


@pytest.mark.parametrize("limit", [-1, 91, "soon", True])
def test_a_limit_that_no_turn_keeps_is_refused(
    bank: Bank, service: FraudService, limit: object
) -> None:
    with pytest.raises(InputRefused, match="limit_s"):
        compacting.compact(str(bank.project.pk), {"limit_s": limit})
