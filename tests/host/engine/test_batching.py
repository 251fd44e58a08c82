"""Requests that share calls: none waits on an idle engine, items are counted, bounds hold."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import pytest

from loupe.contract.runtime.lanes import Batching, Lane
from loupe.engine.batching import BATCH_CALL_MS, Calls
from loupe.engine.pieces import Deadline, Piece, Shared
from loupe.engine.work import WorkQueue

PATIENCE_S = 20.0
"""Nothing here takes so long but by mistake."""
AN_HOUR_MS = 3_600_000.0


class Network:
    """Takes requests together, and ends a call when it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.most_at_once = 0
        self._running = 0
        self._lock = threading.Lock()
        self._begun = threading.Semaphore(0)
        self._go = threading.Semaphore(0)

    def run(self, requests: Sequence[int], device: str | None) -> Sequence[int]:
        with self._lock:
            self.calls.append(list(requests))
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        self._begun.release()
        assert self._go.acquire(timeout=PATIENCE_S)
        with self._lock:
            self._running -= 1
        return requests

    def begun(self, count: int = 1) -> None:
        """Wait until so many more calls have begun."""
        for _ in range(count):
            assert self._begun.acquire(timeout=PATIENCE_S)

    def let_go(self, count: int = 1) -> None:
        """End so many calls."""
        self._go.release(count)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def queue() -> Iterator[WorkQueue]:
    made = WorkQueue(4, 64)
    yield made
    made.close()


def shared(network: Network, request: int, batching: Batching, items: int = 1) -> Shared:
    return Shared(
        key=("model", 1, None), batching=batching, run=network.run, request=request, items=items,
        finish=lambda answer, _: answer,
    )  # fmt: skip


def ask(
    queue: WorkQueue, network: Network, request: int, batching: Batching, *, items: int = 1,
    lane: Lane = Lane.INTERACTIVE,
) -> Future[int]:  # fmt: skip
    return queue.share(Deadline(), shared(network, request, batching, items), lane)


def test_a_request_alone_waits_for_no_others(queue: WorkQueue, network: Network) -> None:
    alone = ask(queue, network, 7, Batching(max_items=8, window_ms=AN_HOUR_MS))
    network.let_go()
    assert alone.result(PATIENCE_S) == 7


def test_while_its_group_is_busy_a_call_fills_up_and_begins_when_it_is_full(
    queue: WorkQueue, network: Network
) -> None:
    batching = Batching(max_items=3, window_ms=AN_HOUR_MS, at_once=2)
    answers = [ask(queue, network, 0, batching)]
    network.begun()
    answers += [ask(queue, network, number, batching) for number in (1, 2, 3)]
    network.begun()
    assert network.calls == [[0], [1, 2, 3]]
    network.let_go(2)
    assert [answer.result(PATIENCE_S) for answer in answers] == [0, 1, 2, 3]


def test_while_its_group_is_busy_a_request_waits_for_others_no_longer_than_the_window(
    queue: WorkQueue, network: Network
) -> None:
    batching = Batching(max_items=8, window_ms=20)
    answers = [ask(queue, network, 0, batching)]
    network.begun()
    answers.append(ask(queue, network, 1, batching))
    network.begun()  # the first call has not ended
    assert network.calls == [[0], [1]]
    network.let_go(2)
    assert [answer.result(PATIENCE_S) for answer in answers] == [0, 1]


def test_who_waits_for_others_begins_as_soon_as_its_group_is_idle(
    queue: WorkQueue, network: Network
) -> None:
    batching = Batching(max_items=8, window_ms=AN_HOUR_MS, at_once=2)
    answers = [ask(queue, network, 0, batching)]
    network.begun()
    answers += [ask(queue, network, number, batching) for number in (1, 2)]
    network.let_go(3)  # together or apart
    assert [answer.result(PATIENCE_S) for answer in answers] == [0, 1, 2]
    assert network.calls[0] == [0]
    assert sum(map(len, network.calls)) == 3


def test_a_call_is_filled_by_items_not_by_requests(queue: WorkQueue, network: Network) -> None:
    batching = Batching(max_items=8, at_once=1)
    answers = [ask(queue, network, 0, batching)]
    network.begun()
    answers += [ask(queue, network, number, batching, items=3) for number in (1, 2, 3)]
    answers.append(ask(queue, network, 4, batching, items=20))  # more than a call takes: alone
    for _ in range(3):
        network.let_go()
        network.begun()
    network.let_go()
    assert [answer.result(PATIENCE_S) for answer in answers] == [0, 1, 2, 3, 4]
    assert network.calls == [[0], [1, 2], [3], [4]]


def test_no_more_calls_of_a_group_are_under_way_than_it_takes(
    queue: WorkQueue, network: Network
) -> None:
    batching = Batching(max_items=1, at_once=2)
    answers = [ask(queue, network, number, batching) for number in range(8)]
    network.begun(2)
    network.let_go(8)
    assert [answer.result(PATIENCE_S) for answer in answers] == list(range(8))
    assert network.most_at_once == 2
    assert sorted(network.calls) == [[number] for number in range(8)]


def test_less_urgent_requests_ride_where_padding_would_compute_for_nobody(
    queue: WorkQueue, network: Network
) -> None:
    # Long enough that the three of the line meet; no job begins beside the call under way.
    batching = Batching(max_items=8, window_ms=500, static=True, at_once=2)
    first = ask(queue, network, 0, batching, lane=Lane.LINE)
    network.begun()
    jobs = [ask(queue, network, 10 + number, batching, lane=Lane.BATCH) for number in range(4)]
    line = [ask(queue, network, number, batching, lane=Lane.LINE) for number in (1, 2, 3)]
    network.begun()
    assert network.calls == [[0], [1, 2, 3, 10]]  # four is the next size
    network.let_go(8)
    for answer in [first, *line, *jobs]:
        answer.result(PATIENCE_S)


def test_calls_of_jobs_are_short_while_the_line_is_in_use() -> None:
    calls, batching = Calls(), Batching(max_items=64)

    def slow(requests: Sequence[int], device: str | None) -> Sequence[int]:
        time.sleep(0.02)
        return requests

    pieces = [
        Piece(
            lane=Lane.BATCH,
            deadline=Deadline(),
            shared=Shared(
                key="model", batching=batching, run=slow, request=number, items=1,
                finish=lambda answer, _: answer,
            ),
        )
        for number in range(4)
    ]  # fmt: skip
    head = pieces[0].shared
    assert head is not None
    calls.line_came()
    assert calls.most_items(head, Lane.BATCH) == 64  # nothing is known of its pace
    calls.run(pieces, None)
    assert 1 <= calls.most_items(head, Lane.BATCH) <= BATCH_CALL_MS / 5  # 5 ms an item or more
    assert calls.most_items(head, Lane.LINE) == 64
    assert calls.most_items(head, Lane.INTERACTIVE) == 64
