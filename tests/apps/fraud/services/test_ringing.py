"""Rings: found in stored blocks, one alert each, renewed as they grow."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone

from apps.fraud.models import Alert
from apps.fraud.rings.told import Evidence, Ring, Tie
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import alerts, ringing, wakeups
from loupe.host.blocks import newest_columns
from loupe.jobs.models import Job
from tests.apps.fraud.bank import AT, Bank, paid

DAY = 86_400_000
RING = Ring(
    key="0f3a",
    members=("C-1", "C-2", "C-3"),
    score=0.93,
    first=AT,
    last=AT + DAY,
    moved=0,
    money=90_000,
    evidence=(Evidence("sharing", 0.9, "3 payers use one device.", "3 个付款人使用同一设备。"),),
    ties=tuple(Tie("device", name, "d-1", 4, 30_000) for name in ("C-1", "C-2", "C-3")),
    numbers={},
)


def test_a_ring_in_the_blocks_becomes_one_alert_with_its_members(bank: Bank) -> None:
    dice = np.random.default_rng(5)
    honest = [
        paid(
            n, f"H-{n % 150}", device=f"own-{n % 150}", score=0.05,
            event_time=AT + int(dice.integers(0, 13 * DAY)), known_at=AT + 14 * DAY,
        )
        for n in range(900)
    ]  # fmt: skip
    together = [
        paid(
            5_000 + n, f"R-{n % 8}", device="shared", address="198.51.100.7", score=0.3,
            terminal="M-9", event_time=AT + DAY * (n // 8) + n * 1_000, known_at=AT + 14 * DAY,
        )
        for n in range(64)
    ]  # fmt: skip
    bank.store(*honest[:450], *together[:32])
    bank.store(*honest[450:], *together[32:])
    said = ringing.refresh(str(bank.project.pk), {})
    alert = Alert.objects.get(kind="ring")
    assert {f"R-{n}" for n in range(8)} <= set(alert.ring["members"])
    assert alert.reasons
    assert "1 new" in said
    assert "0 new, 0 renewed" in ringing.refresh(str(bank.project.pk), {})
    page = bank.client("viewer").get(bank.url(f"alerts/{alert.pk}/"))
    assert b"R-7" in page.content
    assert b'"member"' in page.content


def test_a_ring_that_grows_goes_on_in_its_alert_and_opens_again_when_closed(bank: Bank) -> None:
    assert ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING]) == (1, 0)
    assert ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING]) == (0, 0)
    grown = replace(RING, members=(*RING.members, "C-4"))
    assert ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [grown]) == (0, 1)
    alert = Alert.objects.get()
    assert alert.hits == 4
    alerts.close(bank.actor(), bank.project, [alert], "fraud")
    assert ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [grown]) == (0, 0)
    more = replace(grown, members=(*grown.members, "C-5"))
    assert ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [more]) == (1, 0)
    assert Alert.objects.filter(state="open").get().hits == 5


def test_newest_columns_come_in_the_order_they_were_stored(bank: Bank) -> None:
    for start in (0, 10, 20):
        bank.store(*(paid(start + n, "C-1") for n in range(10)))
    found = newest_columns("fraud", bank.project.pk, ["id", "amount", "entities.device"], 25)
    assert found["id"].tolist() == [f"T-{n}" for n in range(10, 30)]
    assert found["amount"].dtype == np.int64
    assert newest_columns("fraud", bank.other.pk, ["id"], 25) == {}


def test_rings_are_looked_for_once_a_file_is_through(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[str, float]] = []

    def send(name: str, _job: str, wait: float) -> None:
        if name == wakeups.RINGS:
            sent.append((name, wait))

    monkeypatch.setattr(wakeups, "_send", send)
    searched: list[str] = []
    monkeypatch.setattr(ringing, "refresh", lambda project, _options: searched.append(project))
    with django_capture_on_commit_callbacks(execute=True):
        bank.store(paid(1))
    assert sent == []
    with django_capture_on_commit_callbacks(execute=True):
        block = bank.store(paid(2), session="a file's")
    assert sent == [(wakeups.RINGS, ringing.LOOK_S)]

    Job.objects.filter(pk=block.job_id).update(ended_at=None)
    with django_capture_on_commit_callbacks(execute=True):
        assert not ringing.after_file(block.job_id)
    assert (len(sent), searched) == (2, [])
    Job.objects.filter(pk=block.job_id).update(ended_at=timezone.now())
    assert ringing.after_file(block.job_id)
    assert searched == [str(bank.project.pk)]
    assert not ringing.after_file(uuid4())
