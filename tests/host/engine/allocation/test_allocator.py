"""The allocator's threads get turns by share, and a lost device is asked no more."""

import threading
import time
from concurrent.futures import Future
from heapq import heappop, heappush

import pytest

from loupe.contract.runtime.lanes import Batching, Lane
from loupe.engine.allocation.allocator import Allocator, DeviceTurn
from loupe.engine.allocation.policy import Policy, Rule
from loupe.engine.pieces import Deadline, Shared
from loupe.engine.work import WorkQueue

SHARES = {"a.shared.main": 3.0, "a.shared.side": 1.0}
CALL_S = {"a.shared.main": 0.002, "a.shared.side": 0.006}


def allocator() -> Allocator:
    rules = tuple(Rule(match=model, share=share) for model, share in SHARES.items())
    return Allocator(Policy(rules=rules))


@pytest.mark.parametrize("lane", [Lane.LINE, Lane.INTERACTIVE, Lane.BATCH])
def test_real_threads_keep_the_shares_within_5_percent_in_every_lane(lane: Lane) -> None:
    """Sixteen requests of each model wait at all times; calls of one take three times as long.

    In turn by age the second model would have three quarters. A call that the machine itself holds
    up weighs much in a short time and is made up for, so what is watched lasts until it has been.
    """
    ledger = allocator()
    queue = WorkQueue(2, 64, allocator=ledger)
    left = threading.Semaphore(0)
    stopped = threading.Event()

    def compute(requests: list[str], device: str | None) -> list[str]:
        assert device == "cpu"
        time.sleep(CALL_S[requests[0]])
        return requests

    def ask(model: str) -> None:
        shared = Shared(
            key=(model, 1, None), batching=Batching(), run=compute, request=model, items=1,  # type: ignore[arg-type]
            finish=lambda answer, waited_ms: answer,
        )  # fmt: skip
        queue.share(Deadline(), shared, lane).add_done_callback(lambda done: again(model, done))

    def again(model: str, done: Future[str]) -> None:
        if not stopped.is_set() and done.result() == model:
            ask(model)
        else:
            left.release()

    for model in SHARES:
        for _ in range(16):
            ask(model)
    until = time.monotonic() + 120
    stopped.wait(2)
    while (observed := ledger.figures()["cpu"]["shares"]) and time.monotonic() < until:
        if abs(observed["a.shared.side"] / 0.25 - 1) < 0.05:
            break
        stopped.wait(0.2)
    stopped.set()
    for _ in range(32):
        left.acquire()
    queue.close()
    for model, share in SHARES.items():
        assert observed[model] == pytest.approx(share / 4, rel=0.05)


def test_a_lost_device_is_asked_no_more_and_says_why() -> None:
    ledger = Allocator(Policy(memory_bytes={"npu:0": 9, "cpu": 9}, fallback=("npu:0", "cpu")))
    assert ledger.places("m", {"npu", "cpu"}) == ("npu:0", "cpu")
    ledger.lost("npu:0", "It stopped.")
    assert ledger.places("m", {"npu", "cpu"}) == ("cpu",)
    assert ledger.figures()["npu:0"]["alive"] is False
    assert ledger.figures()["npu:0"]["reason"] == "It stopped."


def test_the_cpu_is_never_given_up() -> None:
    ledger = Allocator(Policy())
    ledger.lost("cpu", "It raised.")
    assert ledger.places("m", {"cpu"}) == ("cpu",)


def test_models_on_different_devices_are_no_rivals() -> None:
    ledger = Allocator(
        Policy(memory_bytes={"npu:0": None, "cpu": None}, fallback=("cpu",),
               rules=(Rule(match="n", devices=("npu:0",)),))
    )  # fmt: skip
    ledger.end(ledger.begin("n"), 100.0)
    assert ledger.next_model(("n", "c")) == "n"
    assert ledger.next_model(("c", "n")) == "c"


def test_a_call_goes_to_the_replica_whose_device_has_the_fewest_calls_of_any_model() -> None:
    ledger = Allocator(
        Policy(memory_bytes=dict.fromkeys(("npu:0", "npu:1", "npu:2")), fallback=("npu:0",))
    )
    for device in ("npu:0", "npu:1", "npu:2"):
        ledger.placed("wide", device)
    ledger.placed("narrow", "npu:1")
    narrow = [ledger.begin("narrow") for _ in range(3)]
    assert [turn.device for turn in narrow] == ["npu:1"] * 3
    wide = [ledger.begin("wide").device for _ in range(7)]
    assert wide[:6] == ["npu:0", "npu:2"] * 3  # three of each: now all have as many
    assert wide[6] == "npu:1"  # which rested longest
    for turn in narrow:
        ledger.end(turn, 0.01)
    assert [ledger.begin("wide").device for _ in range(2)] == ["npu:1", "npu:1"]
    ledger.left("wide", "npu:1")
    assert ledger.begin("wide").device in ("npu:0", "npu:2")


def test_over_two_replicas_each_models_share_is_within_5_percent_also_after_one_dies() -> None:
    """Both devices take one call at a time; both models want more than there is."""
    ledger = Allocator(
        Policy(
            memory_bytes={"npu:0": None, "npu:1": None, "cpu": None},
            fallback=("npu:0", "npu:1", "cpu"),
            rules=tuple(Rule(match=one, share=share, replicas=2) for one, share in SHARES.items()),
        )
    )
    for model in SHARES:
        ledger.placed(model, "npu:0")
        ledger.placed(model, "npu:1")
    used = {(device, model): 0.0 for device in ("npu:0", "npu:1") for model in SHARES}
    under_way: list[tuple[float, int, DeviceTurn]] = []

    def work(until: float, at_once: int) -> None:
        now, number = 0.0, 0
        while now < until:
            while len(under_way) < at_once:
                model = ledger.next_model(tuple(SHARES))
                number += 1
                heappush(under_way, (now + CALL_S[model], number, ledger.begin(model)))
            now, _, turn = heappop(under_way)
            ledger.end(turn, CALL_S[turn.turn.model])
            used[turn.device, turn.turn.model] += CALL_S[turn.turn.model]

    work(10.0, 2)
    for device in ("npu:0", "npu:1"):
        total = sum(used[device, model] for model in SHARES)
        assert total == pytest.approx(10.0, rel=0.05)
        for model, share in SHARES.items():
            assert used[device, model] / total == pytest.approx(share / 4, rel=0.05)
    while under_way:
        turn = heappop(under_way)[2]
        ledger.end(turn, CALL_S[turn.turn.model])
    ledger.lost("npu:0", "It stopped.")
    for model in SHARES:
        ledger.left(model, "npu:0")
    before = dict(used)
    work(10.0, 1)
    for model, share in SHARES.items():
        assert used["npu:0", model] == before["npu:0", model]
        more = used["npu:1", model] - before["npu:1", model]
        assert more / 10.0 == pytest.approx(share / 4, rel=0.05)
