"""A real engine over two devices: models go where the policy says, and no item is lost."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loupe.contract.runtime.payload import Payload
from loupe.engine.client import EngineClient
from tests.host.engine.harness import EngineProcess

TWO_DEVICES: dict[str, Any] = {
    "devices": {"npu:0": {"memory_bytes": 5000}, "cpu": {"memory_bytes": 2**28}},
    "fallback": ["npu:0", "cpu"],
}


@pytest.fixture
def start_with(
    start: Callable[..., EngineProcess], tmp_path: Path
) -> Callable[..., tuple[EngineProcess, EngineClient]]:
    """An engine under a policy, and a client of it."""

    def start_with(*models: dict[str, Any], **policy: Any) -> tuple[EngineProcess, EngineClient]:
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({**TWO_DEVICES, **policy}))
        engine = start("--policy", str(path), "--queue", "256")
        for number, extra in enumerate(models):
            engine.install(f"tiny.shared.m{number}", **extra)
        return engine, EngineClient(engine.socket)

    return start_with


def ask(client: EngineClient, model: str, value: float, **parameters: Any) -> Any:
    payload = Payload(arrays={"values": np.full(3, value, np.float32)})
    return client.infer(model, 1, payload, parameters).payload


def test_a_device_that_dies_under_load_loses_no_item(
    start_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    """Eight clients ask 400 times; the device answers 100 calls and is then gone."""
    engine, client = start_with({"lost_after": 100})
    found: list[tuple[float, float, str]] = []

    def work(first: int) -> None:
        own = EngineClient(engine.socket)
        for value in range(first, 400, 8):
            answer = ask(own, "tiny.shared.m0", value)
            found.append(
                (value, float(answer.arrays["scaled"][0]), str(answer.meta.get("device", "cpu")))
            )
        own.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(value for value, _, _ in found) == list(range(400))
    assert all(scaled == 2 * value for value, scaled, _ in found)
    on_device = [where for _, _, where in found].count("npu:0")
    assert on_device == 100
    told = client.statistics()
    assert told["devices"]["npu:0"]["alive"] is False
    assert "does not answer" in told["devices"]["npu:0"]["reason"]
    assert [model["device"] for model in told["models"]] == ["cpu"]
    assert told["errors"] == {}
    client.close()


def test_a_device_that_is_gone_at_load_is_passed_over(
    start_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    _, client = start_with({"lost_at_load": True})
    assert "device" not in ask(client, "tiny.shared.m0", 1).meta
    assert client.statistics()["devices"]["npu:0"]["alive"] is False
    client.close()


def test_a_model_that_does_not_fit_a_device_goes_to_the_next(
    start_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    _, client = start_with({}, devices={"npu:0": {"memory_bytes": 3}, "cpu": {}})
    assert "device" not in ask(client, "tiny.shared.m0", 1).meta
    assert client.statistics()["devices"]["npu:0"]["alive"] is True
    client.close()


def test_a_pinned_model_stays_where_others_make_room(
    start_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    rule = {"match": "tiny.shared.m0", "pinned": True}
    sizes = [{"npu_bytes": 2000}] * 4
    _, client = start_with(*sizes, models=[rule])
    for number in range(4):
        ask(client, f"tiny.shared.m{number}", 1)
    kept = {model["name"]: model["device"] for model in client.statistics()["models"]}
    assert kept == {"tiny.shared.m0": "npu:0", "tiny.shared.m3": "npu:0"}
    client.close()


def test_a_file_that_the_device_decodes_saves_the_sandbox_and_others_take_it(
    start_with: Callable[..., tuple[EngineProcess, EngineClient]], tmp_path: Path
) -> None:
    _, client = start_with({}, {"lost_at_load": True})
    for text in (b"Now", b"now"):
        path = tmp_path / text.decode()
        path.write_bytes(text)
        found = client.run("tiny", "tiny.shared.m0", 1, path, {})
        np.testing.assert_array_equal(found.payload.arrays["scaled"], [2 * byte for byte in text])
        assert "read" in found.times_ms
        assert found.payload.meta["device"] == "npu:0"
    client.close()


def test_a_file_meant_for_a_device_that_dies_goes_through_the_sandbox(
    start_with: Callable[..., tuple[EngineProcess, EngineClient]], tmp_path: Path
) -> None:
    _, client = start_with({"lost_after": 0})
    path = tmp_path / "file"
    path.write_bytes(b"No more")
    found = client.run("tiny", "tiny.shared.m0", 1, path, {})
    np.testing.assert_array_equal(found.payload.arrays["scaled"], [2 * byte for byte in b"No more"])
    assert "device" not in found.payload.meta
    assert client.statistics()["devices"]["npu:0"]["alive"] is False
    client.close()


@pytest.mark.slow
def test_models_under_load_get_their_declared_shares_of_the_engine(
    start_with: Callable[..., tuple[EngineProcess, EngineClient]],
) -> None:
    """Two models, 3 to 1, calls of the second three times as long; 24 clients never pause."""
    rules = [{"match": "tiny.shared.m0", "share": 3}, {"match": "tiny.shared.m1", "share": 1}]
    engine, client = start_with({}, {}, models=rules, fallback=["cpu"])
    seconds = {"tiny.shared.m0": 0.01, "tiny.shared.m1": 0.03}
    for model in seconds:
        ask(client, model, 1)
    stop = threading.Event()

    def work(model: str) -> None:
        own = EngineClient(engine.socket)
        while not stop.is_set():
            ask(own, model, 1, seconds=seconds[model])
        own.close()

    threads = [threading.Thread(target=work, args=(model,)) for model in seconds for _ in range(12)]
    for thread in threads:
        thread.start()
    stop.wait(1)
    before = client.statistics()["devices"]["cpu"]["seconds"]
    until = time.monotonic() + 150
    stop.wait(4)
    while True:
        after = client.statistics()["devices"]["cpu"]["seconds"]
        used = {model: after[model] - before[model] for model in seconds}
        share = used["tiny.shared.m0"] / sum(used.values())
        # A call that the machine itself holds up weighs much at first and is made up for.
        if abs((1 - share) / 0.25 - 1) < 0.05 or time.monotonic() > until:
            break
        stop.wait(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    assert share == pytest.approx(0.75, rel=0.05)
    assert 1 - share == pytest.approx(0.25, rel=0.05)
    client.close()
