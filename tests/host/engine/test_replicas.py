"""A model on several devices: calls go to the one that does least, and one that dies is missed by
nobody."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from loupe.engine.client import EngineClient
from tests.host.engine.harness import EngineProcess
from tests.host.engine.test_devices import ask

MODEL = "tiny.shared.m0"
THREE: dict[str, Any] = {
    "devices": {"npu:0": {}, "npu:1": {}, "npu:2": {}, "cpu": {}},
    "fallback": ["npu:0", "npu:1", "npu:2", "cpu"],
}


@pytest.fixture
def engine_with(
    start: Callable[..., EngineProcess], tmp_path: Path
) -> Callable[..., tuple[EngineProcess, EngineClient]]:
    """An engine with one model, on so many devices of three."""

    def engine_with(
        replicas: int, rules: Sequence[dict[str, Any]] = (), **model: Any
    ) -> tuple[EngineProcess, EngineClient]:
        path = tmp_path / "policy.json"
        rule = {"match": MODEL, "replicas": replicas}
        path.write_text(json.dumps({**THREE, "models": [rule, *rules]}))
        engine = start("--policy", str(path), "--queue", "512", "--threads", "8")
        engine.install(MODEL, **model)
        return engine, EngineClient(engine.socket)

    return engine_with


def devices(client: EngineClient) -> list[str]:
    return sorted(model["device"] for model in client.statistics()["models"])


def wait_for(client: EngineClient, wanted: list[str]) -> None:
    until = time.monotonic() + 60
    while devices(client) != wanted and time.monotonic() < until:
        time.sleep(0.02)
    assert devices(client) == wanted


def asked_by_many(engine: EngineProcess, count: int, seconds: float) -> Counter[str]:
    """Where `count` requests of six clients were answered; every answer is checked."""
    found: list[tuple[float, float, str]] = []

    def work(first: int) -> None:
        own = EngineClient(engine.socket)
        for value in range(first, count, 6):
            answer = ask(own, MODEL, value, seconds=seconds)
            where = str(answer.meta.get("device", "cpu"))
            found.append((value, float(answer.arrays["scaled"][0]), where))
        own.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(value for value, _, _ in found) == list(range(count))
    assert all(scaled == 2 * value for value, scaled, _ in found)
    return Counter(where for _, _, where in found)


def test_calls_are_spread_over_the_replicas(
    engine_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    engine, client = engine_with(2)
    ask(client, MODEL, 1)
    wait_for(client, ["npu:0", "npu:1"])
    # Long enough that the calls of six clients meet, however slow the clients are.
    where = asked_by_many(engine, 240, 0.06)
    assert set(where) == {"npu:0", "npu:1"}
    assert min(where.values()) > 0.35 * where.total()
    used = client.statistics()["devices"]
    assert min(used[device]["seconds"][MODEL] for device in ("npu:0", "npu:1")) > 0
    client.close()


def test_calls_keep_away_from_a_device_that_another_model_keeps_busy(
    engine_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    other = "tiny.shared.m1"
    engine, client = engine_with(2, rules=[{"match": other, "devices": ["npu:0"]}])
    engine.install(other)
    ask(client, other, 1)
    ask(client, MODEL, 1)
    wait_for(client, ["npu:0", "npu:0", "npu:1"])
    stop = threading.Event()

    def work() -> None:
        own = EngineClient(engine.socket)
        while not stop.is_set():
            ask(own, other, 1, seconds=2.0)
        own.close()

    # Three at a time, so that one is under way also while the answers of others are on their way.
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 60
    while client.statistics()["queue"]["running"] < 3 and time.monotonic() < until:
        time.sleep(0.02)
    where = Counter(ask(client, MODEL, value, seconds=0.01).meta["device"] for value in range(40))
    stop.set()
    for thread in threads:
        thread.join()
    assert where["npu:1"] >= 36
    # What each device was used for is told of the device that did it.
    used = client.statistics()["devices"]
    assert other not in used["npu:1"]["seconds"]
    assert used["npu:1"]["seconds"][MODEL] > 0.3
    assert used["npu:0"]["seconds"].get(MODEL, 0) < 0.1
    client.close()


def test_a_replica_that_dies_is_replaced_and_no_item_is_lost(
    engine_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    engine, client = engine_with(2, lost_after=20, lost_device="npu:0")
    ask(client, MODEL, 1)
    wait_for(client, ["npu:0", "npu:1"])
    where = asked_by_many(engine, 240, 0.01)
    assert where["cpu"] == 0
    wait_for(client, ["npu:1", "npu:2"])
    told = client.statistics()
    assert told["devices"]["npu:0"]["alive"] is False
    assert told["errors"] == {}
    client.close()


def test_when_every_device_of_a_type_dies_under_load_the_next_type_answers_and_no_item_is_lost(
    engine_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    engine, client = engine_with(2, lost_after=30)
    ask(client, MODEL, 1)
    wait_for(client, ["npu:0", "npu:1"])
    where = asked_by_many(engine, 240, 0.01)
    # The first request was one of the 30.
    assert [where[f"npu:{number}"] for number in range(3)] == [29, 30, 30]
    assert where["cpu"] == 240 - 89
    told = client.statistics()
    assert [told["devices"][f"npu:{number}"]["alive"] for number in range(3)] == [False] * 3
    assert devices(client) == ["cpu"]
    assert told["errors"] == {}
    client.close()


def test_more_replicas_than_devices_of_a_type_do_not_spill_onto_another(
    engine_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    engine, client = engine_with(9)
    ask(client, MODEL, 1)
    wait_for(client, ["npu:0", "npu:1", "npu:2"])
    assert set(asked_by_many(engine, 60, 0.005)) == {"npu:0", "npu:1", "npu:2"}
    client.unload(MODEL)
    assert devices(client) == []
    client.close()
