"""What came together is told to the database together."""

import threading
import time
from datetime import UTC, datetime

import pytest

from apps.report_gen.clinical import installed
from apps.report_gen.clinical.store import Sealed
from apps.report_gen.dicom import registering as module
from apps.report_gen.dicom.elements import First
from apps.report_gen.dicom.peers import Doorkeeper
from apps.report_gen.dicom.registering import AT_ONCE, Registering
from apps.report_gen.dicom.storing import Stored
from apps.report_gen.dicom.takers import _read, _written
from loupe.accounts.models import Project


def stored(number: int) -> Stored:
    return Stored(
        sealed=Sealed(name=f"{number:032x}", sha256="0" * 64, bytes=number),
        first=First(sop_class="1.2", sop_instance=f"1.3.{number}", study="1.4", series="1.5"),
        transfer_syntax="1.2.840.10008.1.2",
        calling="CT",
        received_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    )


@pytest.fixture
def registering(project: Project) -> Registering:
    return Registering(installed.store(), Doorkeeper(project, anyone=True), quiet_seconds=60)


def test_objects_that_come_one_after_the_other_are_few_batches(
    registering: Registering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TOGETHER", 2.0)

    def come() -> None:
        for number in range(20):
            registering.tell(stored(number))
            time.sleep(0.01)

    sender = threading.Thread(target=come)
    sender.start()
    batches: list[list[Stored]] = []
    while sum(map(len, batches)) < 20:
        if found := registering._gathered():
            batches.append(found)
    sender.join()
    assert [one.sealed.bytes for batch in batches for one in batch] == list(range(20))
    assert len(batches) <= 5  # one, where nothing else runs


def test_a_batch_is_no_larger_than_one_transaction_may_be(registering: Registering) -> None:
    for number in range(AT_ONCE + 1):
        registering.tell(stored(number))
    assert [len(registering._gathered()) for _ in range(2)] == [AT_ONCE, 1]


def test_nothing_is_waited_for_when_the_node_ends(
    registering: Registering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TOGETHER", 100.0)
    registering._stop.set()
    registering.tell(stored(1))
    began = time.monotonic()
    assert len(registering._gathered()) == 1
    assert time.monotonic() - began < 50


def test_what_a_taker_tells_is_what_the_node_hears() -> None:
    assert _read(_written(stored(7))) == stored(7)
