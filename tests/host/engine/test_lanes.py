"""Which piece is next, without threads: the lanes' rules on a clock of the test's own."""

import pytest

from loupe.contract.runtime.lanes import Batching, Lane, bucket
from loupe.engine.lanes import OLDEST_S, ONE_IN, Lanes
from loupe.engine.pieces import Deadline, Piece, Shared

EVERY = frozenset(Lane)


def piece(lane: Lane, since: float = 0.0, key: object = None, items: int = 1) -> Piece:
    shared = None
    if key is not None:
        shared = Shared(
            key=(key, 1, None),
            batching=Batching(max_items=8),
            run=lambda requests, _: requests,
            request=None,
            items=items,
            finish=lambda answer, _: answer,
        )
    return Piece(lane=lane, deadline=Deadline(), since=since, shared=shared)


def taken(lanes: Lanes, now: float = 0.0, served: frozenset[Lane] = EVERY) -> Lane | None:
    found = lanes.take(now, lanes=served, may_start=lambda _: True)
    return None if found is None else found.lane


def test_the_line_goes_first_then_pages() -> None:
    lanes = Lanes(64)
    for lane in (Lane.BATCH, Lane.INTERACTIVE, Lane.LINE, Lane.INTERACTIVE, Lane.LINE):
        lanes.push(piece(lane))
    order = [taken(lanes) for _ in range(4)]
    assert order == [Lane.LINE, Lane.LINE, Lane.INTERACTIVE, Lane.INTERACTIVE]


@pytest.mark.parametrize("lane", list(ONE_IN))
def test_a_lane_that_waits_gets_its_share_of_starts(lane: Lane) -> None:
    lanes = Lanes(64)
    for _ in range(10):
        lanes.push(piece(lane))
    started = []
    for _ in range(4 * ONE_IN[lane]):
        lanes.push(piece(Lane.LINE))
        started.append(taken(lanes))
    assert started.count(lane) == 4
    assert started[ONE_IN[lane] - 1] is lane


def test_what_has_waited_too_long_takes_turns_with_the_line() -> None:
    lanes = Lanes(64)
    for _ in range(3):
        lanes.push(piece(Lane.BATCH, since=0.0))
        lanes.push(piece(Lane.LINE, since=0.0))
    started = [taken(lanes, now=OLDEST_S[Lane.BATCH] + 0.1) for _ in range(4)]
    assert started == [Lane.LINE, Lane.BATCH, Lane.LINE, Lane.BATCH]


def test_a_thread_kept_for_the_line_takes_nothing_else_however_late() -> None:
    lanes = Lanes(64)
    lanes.push(piece(Lane.BATCH, since=0.0))
    lanes.push(piece(Lane.INTERACTIVE, since=0.0))
    assert taken(lanes, now=100.0, served=frozenset({Lane.LINE})) is None


def test_a_lane_takes_no_more_than_it_may_hold() -> None:
    lanes = Lanes(3)
    for _ in range(3):
        assert not lanes.full(Lane.BATCH)
        lanes.push(piece(Lane.BATCH))
    assert lanes.full(Lane.BATCH)
    assert not lanes.full(Lane.LINE)


def test_a_lane_takes_no_more_than_drains_in_time() -> None:
    lanes = Lanes(1000)
    for _ in range(40):
        lanes.push(piece(Lane.BATCH))
    for second in range(1, 5):  # one a second
        assert lanes.take_from(Lane.BATCH, float(second), lambda _: True) is not None
    assert lanes.full(Lane.BATCH)


def test_the_time_to_come_again_is_what_the_queue_needs_to_drain() -> None:
    lanes = Lanes(1000)
    for _ in range(25):
        lanes.push(piece(Lane.BATCH))
    for step in range(5):  # four a second
        lanes.take_from(Lane.BATCH, step / 4, lambda _: True)
    assert lanes.waiting(Lane.BATCH) == 20
    assert lanes.retry_after_s(Lane.BATCH) == pytest.approx(5.0)


def test_the_pace_of_one_rush_is_forgotten_with_it() -> None:
    lanes = Lanes(1000)
    for start in range(5):  # everything is loaded for the first time
        lanes.push(piece(Lane.BATCH))
        if start:
            lanes.take_from(Lane.BATCH, start * 30.0, lambda _: True)
    lanes.take_from(Lane.BATCH, 150.0, lambda _: True)
    lanes.push(piece(Lane.BATCH))
    assert not lanes.full(Lane.BATCH)


def test_companions_are_counted_by_items_and_keep_their_order() -> None:
    lanes = Lanes(64)
    head = piece(Lane.LINE, key="a")
    same = [piece(Lane.LINE, key="a", items=n) for n in (2, 3, 4)]
    for one in (same[0], piece(Lane.LINE, key="b"), same[1], same[2]):
        lanes.push(one)
    assert lanes.companions(head, (Lane.LINE,), 6, 0.0) == same[:2]
    assert lanes.waiting(Lane.LINE) == 2


def test_buckets_hold_what_they_are_chosen_for() -> None:
    assert [bucket(n) for n in (1, 2, 3, 5, 33, 64, 65)] == [1, 2, 4, 8, 64, 64, 65]


def test_a_declaration_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="max_items"):
        Batching(max_items=0)
