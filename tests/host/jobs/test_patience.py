"""A full lane of the engine slows workers down; it fails and loses nothing."""

import pytest
from django.utils import timezone

from loupe.engine.errors import QueueFull
from loupe.jobs.execution import patience, store
from loupe.jobs.execution.outcomes import Postponed
from loupe.jobs.limits import FULL_LANE_MOST_SECONDS, MAX_POSTPONEMENTS
from loupe.jobs.models import Item


def test_an_item_asks_again_when_the_engine_expects_to_have_room() -> None:
    answers: list[object] = [
        QueueFull("Full.", retry_after_s=0.4),
        QueueFull("Full.", retry_after_s=100.0),
        "done",
    ]
    slept: list[float] = []

    def ask() -> object:
        answer = answers.pop(0)
        if isinstance(answer, QueueFull):
            raise answer
        return answer

    assert patience.patiently(ask, slept.append) == "done"
    assert 0.2 <= slept[0] <= 0.4
    assert slept[1] <= FULL_LANE_MOST_SECONDS


def test_a_lane_that_stays_full_puts_the_item_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FULL_LANE_PATIENCE_SECONDS", 0.0)

    def ask() -> object:
        raise QueueFull("Full.", retry_after_s=1.0)

    with pytest.raises(QueueFull):
        patience.patiently(ask, lambda _: None)


def test_a_full_queue_is_never_a_reason_to_give_an_item_up() -> None:
    item = Item(postponements=MAX_POSTPONEMENTS * 10, created_at=timezone.now())
    assert not store._given_up(item, Postponed(code="queue_full", message="Full."))
    assert store._given_up(item, Postponed(code="engine_unavailable", message="Gone."))
