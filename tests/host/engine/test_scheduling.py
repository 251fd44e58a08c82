"""Lanes and shared calls of a real engine process, under more work than it can do at once."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loupe.contract.runtime.errors import InputRefused, LoupeError, TemporarilyUnavailable
from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.line_flag import LineWatch, beside
from loupe.contract.runtime.payload import Payload
from loupe.engine import exchange
from loupe.engine.client import EngineClient
from loupe.engine.errors import QueueFull, RequestRefused
from tests.host.engine.harness import MODEL, EngineProcess
from tests.host.engine.test_process import until

pytestmark = pytest.mark.serial

SMALL = Payload(arrays={"values": np.ones(4, np.float32)})
SHARING = "tiny.shared.together"
Start = Callable[..., EngineProcess]


class Callers:
    """Calls in threads of their own; who is answered first stands first in `answered`."""

    def __init__(self, engine: EngineProcess) -> None:
        self.engine = engine
        self.watcher = EngineClient(engine.socket)
        self.threads: list[threading.Thread] = []
        self.answered: list[str] = []
        self.answers: dict[str, Any] = {}

    def call(self, name: str, lane: Lane, ask: Callable[[EngineClient], Any]) -> threading.Thread:
        def work() -> None:
            client = EngineClient(self.engine.socket, lane=lane)
            try:
                self.answers[name] = ask(client)
            except LoupeError as error:
                self.answers[name] = error
            self.answered.append(name)
            client.close()

        thread = threading.Thread(target=work)
        thread.start()
        self.threads.append(thread)
        return thread

    def infer(self, name: str, lane: Lane, seconds: float = 0.0) -> threading.Thread:
        return self.call(name, lane, lambda each: each.infer(MODEL, 1, SMALL, {"seconds": seconds}))

    def wait(self) -> None:
        for thread in self.threads:
            thread.join()


def waiting(client: EngineClient, lane: Lane) -> int:
    return int(client.statistics()["lanes"][lane]["waiting"])


def running(client: EngineClient, lane: Lane) -> int:
    return int(client.statistics()["lanes"][lane]["running"])


@pytest.fixture
def callers(start: Start) -> Callers:
    """Callers of an engine with one thread of each kind, its models loaded."""
    engine = start("--threads", "1", "--queue", "8")
    engine.install(SHARING, runner="tests.host.engine.tiny.code:Together")
    callers = Callers(engine)
    callers.watcher.load(MODEL, 1)
    callers.watcher.load(SHARING, 1)
    return callers


def test_the_line_is_served_before_pages_that_came_earlier(callers: Callers) -> None:
    watcher = callers.watcher
    callers.infer("first", Lane.INTERACTIVE, 4.0)
    until(lambda: running(watcher, Lane.INTERACTIVE) == 1)
    for number in range(3):
        callers.infer(f"page {number}", Lane.INTERACTIVE, 0.3)
    until(lambda: waiting(watcher, Lane.INTERACTIVE) == 3)
    callers.infer("line", Lane.LINE)
    until(lambda: waiting(watcher, Lane.LINE) == 1)
    callers.wait()
    assert callers.answered[:2] == ["first", "line"]


def test_jobs_move_on_while_the_line_never_pauses(callers: Callers) -> None:
    watcher = callers.watcher
    over = threading.Event()

    def never_pause(client: EngineClient) -> int:
        calls = 0
        while not over.is_set():
            client.infer(MODEL, 1, SMALL, {"seconds": 0.02})
            calls += 1
        return calls

    # The thread that serves jobs alone is held, so this one has to come between the line's calls.
    long = callers.infer("long job", Lane.BATCH, 150)
    until(lambda: running(watcher, Lane.BATCH) == 1)
    for number in range(3):
        callers.call(f"line {number}", Lane.LINE, never_pause)
    until(lambda: running(watcher, Lane.LINE) == 1)
    job = callers.infer("job", Lane.BATCH)
    job.join(100)
    assert not job.is_alive()
    assert long.is_alive()
    over.set()
    callers.engine.kill()
    callers.wait()


def test_a_full_lane_says_when_to_come_again_and_keeps_no_other_lane_waiting(
    callers: Callers,
) -> None:
    watcher = callers.watcher
    callers.infer("held", Lane.BATCH, 5.0)
    until(lambda: running(watcher, Lane.BATCH) == 1)
    for number in range(8):
        callers.infer(f"job {number}", Lane.BATCH, 0.01)
    until(lambda: waiting(watcher, Lane.BATCH) == 8)
    one_more = EngineClient(watcher.socket, lane=Lane.BATCH)
    with pytest.raises(QueueFull) as full:
        one_more.infer(MODEL, 1, SMALL)
    assert 0 < full.value.retry_after_s <= 60
    request = exchange.with_payload(exchange.infer_path(MODEL, 1), SMALL, {})
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(watcher.socket))
        for part in exchange.with_urgency(request, None, Lane.BATCH).parts():
            raw.sendall(part)
        head = raw.recv(65536).decode()
    assert head.startswith("HTTP/1.1 503")
    assert int(head.partition("Retry-After: ")[2].partition("\r\n")[0]) >= 1
    EngineClient(watcher.socket, lane=Lane.LINE).infer(MODEL, 1, SMALL)
    assert callers.answered == []
    callers.wait()
    one_more.infer(MODEL, 1, SMALL)


def test_an_unknown_lane_is_refused(client: EngineClient) -> None:
    with pytest.raises(RequestRefused, match="line, interactive, batch"):
        client.infer(MODEL, 1, SMALL, {"loupe_lane": "express"})


def test_decoders_of_jobs_and_pages_leave_room_for_the_line(start: Start, tmp_path: Path) -> None:
    engine = start("--threads", "2")
    photo = tmp_path / "photo"
    photo.write_bytes(b"\x01")
    watcher = EngineClient(engine.socket, lane=Lane.LINE)
    watcher.load(MODEL, 1)
    callers = Callers(engine)
    for lane in (Lane.BATCH, Lane.INTERACTIVE):
        for number in range(3):
            callers.call(
                f"{lane} {number}",
                lane,
                lambda each: each.run("tiny", MODEL, 1, photo, {"seconds": 100.0}),
            )
    until(lambda: running(watcher, Lane.BATCH) >= 1 and running(watcher, Lane.INTERACTIVE) == 1)
    assert watcher.run("tiny", MODEL, 1, photo).payload.arrays["scaled"].tolist() == [2.0]
    assert callers.answered == []
    engine.kill()
    callers.wait()


def rows(count: int, seed: int) -> Payload:
    values = np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)
    return Payload(arrays={"values": values})


def scaled(number: int, wishes: dict[str, Any]) -> Callable[[EngineClient], Any]:
    return lambda client: client.infer(SHARING, 1, rows(1 + number % 2, number), wishes)


def sharing(callers: Callers, wishes: dict[int, dict[str, Any]]) -> dict[int, Any]:
    """Eight requests that come while the model is busy, with parameters by their number."""
    watcher = callers.watcher
    callers.call(
        "first", Lane.LINE, lambda each: each.infer(SHARING, 1, rows(1, 99), {"seconds": 2.5})
    )
    until(lambda: running(watcher, Lane.LINE) == 1)
    for number in range(6):
        callers.call(str(number), Lane.LINE, scaled(number, wishes.get(number, {})))
    callers.wait()
    return {number: callers.answers[str(number)] for number in range(6)}


def test_requests_that_share_a_call_get_what_each_would_get_alone(callers: Callers) -> None:
    watcher = callers.watcher
    found = sharing(callers, {})
    shared = [answer.payload.meta["together"] for answer in found.values()]
    assert max(shared) > 1
    for number, answer in found.items():
        alone = watcher.infer(SHARING, 1, rows(1 + number % 2, number))
        assert alone.payload.meta["together"] == 1
        assert np.array_equal(answer.payload.arrays["scaled"], alone.payload.arrays["scaled"])
    figures = watcher.statistics()["calls"][f"model {SHARING} 1"]
    assert figures["items"] == 1 + 2 * 9
    assert figures["executions"] < figures["success"]
    assert max(map(int, figures["batch_items"])) > 1


def test_one_bad_request_of_a_shared_call_fails_alone(callers: Callers) -> None:
    found = sharing(callers, {3: {"refuse": True}})
    assert isinstance(found.pop(3), InputRefused)
    for number, answer in found.items():
        expected = rows(1 + number % 2, number).arrays["values"] * np.float32(2)
        assert np.array_equal(answer.payload.arrays["scaled"], expected)


def test_a_caller_who_has_gone_is_not_worked_for(callers: Callers) -> None:
    watcher = callers.watcher
    callers.infer("held", Lane.LINE, 4.0)
    until(lambda: running(watcher, Lane.LINE) == 1)
    request = exchange.with_payload(exchange.infer_path(MODEL, 1), SMALL, {})
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(watcher.socket))
        for part in exchange.with_urgency(request, None, Lane.LINE).parts():
            raw.sendall(part)
        until(lambda: waiting(watcher, Lane.LINE) == 1)
    until(lambda: waiting(watcher, Lane.LINE) == 0)
    assert callers.answered == []
    callers.wait()
    assert watcher.statistics()["calls"][f"model {MODEL} 1"]["executions"] == 1


def test_no_item_is_lost_when_the_engine_is_killed_under_load(start: Start) -> None:
    engine = start("--threads", "2", "--queue", "4")
    engine.install(SHARING, runner="tests.host.engine.tiny.code:Together")
    EngineClient(engine.socket).load(SHARING, 1)
    callers = Callers(engine)
    found: dict[int, Any] = {}

    def work(first: int) -> Callable[[EngineClient], None]:
        def ask(client: EngineClient) -> None:
            for number in range(first, 160, 8):
                while number not in found:
                    try:
                        found[number] = client.infer(SHARING, 1, rows(1, number), {"seconds": 0.01})
                    except TemporarilyUnavailable:
                        threading.Event().wait(0.02)

        return ask

    lanes = list(Lane)
    for first in range(8):
        callers.call(f"client {first}", lanes[first % 3], work(first))
    until(lambda: len(found) > 30)
    engine.kill()
    engine.start()
    callers.wait()
    assert sorted(found) == list(range(160))
    for number, answer in found.items():
        expected = rows(1, number).arrays["values"] * np.float32(2)
        assert np.array_equal(answer.payload.arrays["scaled"], expected)


def test_others_see_that_the_line_is_at_work_and_a_dead_engine_holds_nobody_up(
    callers: Callers,
) -> None:
    watcher = callers.watcher
    watch = LineWatch(beside(callers.engine.socket))
    assert not watch.busy_s()
    callers.infer("page", Lane.INTERACTIVE, 3.0)
    until(lambda: running(watcher, Lane.INTERACTIVE) == 1)
    assert not watch.busy_s()
    callers.infer("frame", Lane.LINE, 120)
    until(lambda: watch.busy_s() > 0)
    callers.engine.kill()
    callers.wait()
    until(lambda: not watch.busy_s())
