"""Entities with more events than windows may hold: they wait, and are told what they were."""

import numpy as np
import pytest

from apps.fraud.features import hubs
from apps.fraud.features.hubs import Hubs
from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import CARD_PAYMENTS, DAY
from core_kernels.structures.windows import MOST_LIVE
from tests.apps.fraud.features.test_state import NOW, events, part

HORIZON = 37 * DAY * 1000


@pytest.mark.parametrize("sizes", [(40,), (7, 33), (1,) * 40, (15, 1, 24)])
def test_only_three_blocks_are_alive_whatever_the_batches(sizes: tuple[int, ...]) -> None:
    kept, start = Hubs(100, 1, block=4), 0
    told: list[bool] = []
    clock = np.arange(40) * np.where(np.arange(40) < 24, 1, 50)
    for size in sizes:
        rows, before = np.zeros(size, np.int32), np.full(size, start)
        waiting = kept.waiting(rows, before, clock[start : start + size])
        told += [False] * size if waiting is None else waiting.tolist()
        again = Hubs(100, 1, block=4)
        again.restore(kept.snapshot())
        kept, start = again, start + size
    assert told[:12] == [False] * 12
    assert told[12:24] == [True] * 12
    entered = [now for now, held in zip(clock.tolist(), told, strict=True) if not held]
    assert not told[-1]
    for now in entered:
        assert sum(now - 100 < one <= now for one in entered) <= 12


@pytest.mark.parametrize("cut", [1, 13, 60])
def test_windows_of_a_hub_stand_still_and_go_on_when_it_has_calmed_down(
    monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    monkeypatch.setattr(hubs.Hubs.__init__, "__defaults__", (5,))
    times = NOW + np.arange(60) * 1000
    times[50:] += 2 * HORIZON
    table = events(60, event_time=times, known_at=times)
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    counts = [
        state.feed(part(table, slice(start, start + cut))).values[
            :, state.names.index("terminal_count_30d")
        ]
        for start in range(0, 60, cut)
    ]
    told = np.concatenate(counts).tolist()
    assert told[:15] == list(range(1, 16))
    assert told[15:50] == [15] * 35
    assert told[50:] == list(range(1, 11))


def test_what_the_windows_hold_at_most_is_more_than_hubs_let_in() -> None:
    assert 3 * hubs.BLOCK < MOST_LIVE
