"""What the engine answers over its socket, through both clients and in this process."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.contract.runtime.payload import Payload
from loupe.engine import repository
from loupe.engine.aio_client import AsyncEngineClient
from loupe.engine.apps import Apps
from loupe.engine.client import EngineClient
from loupe.engine.errors import (
    DeadlineExceeded,
    EngineFault,
    EngineUnavailable,
    NotFound,
    RequestRefused,
)
from loupe.engine.local import LocalEngine
from tests.host.engine.harness import MODEL, EngineProcess
from tests.host.engine.tiny.app import App

pytestmark = pytest.mark.serial

NUMBERS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.bin"
    path.write_bytes(b"\x01\x02\x03")
    return path


def test_infer_answers_with_arrays_meta_times_and_the_artefact_used(
    client: EngineClient, engine: EngineProcess
) -> None:
    payload = Payload(arrays={"values": NUMBERS}, meta={"name": "a", "scale": [1, None]})
    inferred = client.infer(MODEL, 1, payload, {"floor": 0.25})
    np.testing.assert_array_equal(inferred.payload.arrays["scaled"], NUMBERS * 2)
    assert inferred.payload.meta == {"name": "a", "scale": [1, None], "floor": 0.25}
    assert list(inferred.times_ms) == ["queue", "infer"]
    folder = repository.artefact_folder(engine.models, MODEL, 1)
    manifest = repository.read_manifest(folder)
    assert inferred.artefact_sha256 == repository.artefact_sha256(manifest)


def test_large_arrays_go_through_shared_memory_and_come_back_exact(client: EngineClient) -> None:
    values = np.random.default_rng(1).random(1_000_000, dtype=np.float32)
    for _ in range(3):
        inferred = client.infer(MODEL, 1, Payload(arrays={"values": values}))
        np.testing.assert_array_equal(inferred.payload.arrays["scaled"], values * np.float32(2))
        np.testing.assert_array_equal(inferred.payload.arrays["values"], values)


def test_arrays_in_a_leased_slab_are_found_there(client: EngineClient) -> None:
    with client.lease(100_000) as slab:
        values = slab.array("float32", (1000,), 64)
        values[:] = 3
        inferred = client.infer(MODEL, 1, Payload(arrays={"values": values}))
        assert inferred.payload.arrays["scaled"].tolist() == [6.0] * 1000


def test_an_answer_does_not_change_when_its_slab_is_used_again(client: EngineClient) -> None:
    first = client.infer(MODEL, 1, Payload(arrays={"values": np.full(100_000, 1, np.float32)}))
    client.infer(MODEL, 1, Payload(arrays={"values": np.full(100_000, 9, np.float32)}))
    assert set(first.payload.arrays["values"].tolist()) == {1.0}


def test_run_parses_the_file_in_a_sandbox_and_infers(client: EngineClient, photo: Path) -> None:
    inferred = client.run("tiny", MODEL, 1, photo, {}, {"floor": 1})
    assert inferred.payload.arrays["scaled"].tolist() == [2.0, 4.0, 6.0]
    assert inferred.payload.meta == {"name": "photo.bin", "floor": 1}
    assert list(inferred.times_ms) == ["queue", "read", "infer"]


def test_parse_hands_out_the_arrays_in_a_slab(client: EngineClient, photo: Path) -> None:
    with client.parse("tiny", photo) as parsed:
        assert parsed.slab is not None
        assert parsed.payload.arrays["values"].tolist() == [1.0, 2.0, 3.0]
        inferred = client.infer(MODEL, 1, parsed.payload)
    assert inferred.payload.arrays["scaled"].tolist() == [2.0, 4.0, 6.0]


def test_render_returns_encoded_bytes(client: EngineClient, photo: Path) -> None:
    rendered = client.render("tests.host.engine.tiny.code:picture", photo)
    assert rendered == b"picture of \x01\x02\x03"


def test_only_code_of_an_installed_app_can_be_named(client: EngineClient, photo: Path) -> None:
    with pytest.raises(RequestRefused, match="is not code of an installed app"):
        client.render("os:system", photo)


def test_refusals_arrive_with_their_class_code_and_sentence(
    client: EngineClient, photo: Path
) -> None:
    payload = Payload(arrays={"values": NUMBERS})
    with pytest.raises(InputRefused, match="The numbers are too dark") as dark:
        client.infer(MODEL, 1, payload, {"refuse": True})
    assert dark.value.code == "too_dark"
    with pytest.raises(InputRefused, match="empty inside") as hollow:
        client.run("tiny", MODEL, 1, photo, {"refuse": True})
    assert hollow.value.code == "hollow"
    with pytest.raises(ModelRefused) as unknown:
        client.infer(MODEL, 9, payload)
    assert unknown.value.code == "model_unknown"
    with pytest.raises(EngineFault, match="ZeroDivisionError"):
        client.infer(MODEL, 1, payload, {"break": True})
    with pytest.raises(NotFound, match="No app 'nobody'"):
        client.run("nobody", MODEL, 1, photo)
    assert client.infer(MODEL, 1, payload).payload.arrays["scaled"].shape == (2, 3)


def test_a_missing_file_is_refused(client: EngineClient, photo: Path) -> None:
    with pytest.raises(InputRefused, match=r"gone\.bin could not be decoded"):
        client.run("tiny", MODEL, 1, photo.with_name("gone.bin"))


def test_models_are_listed_loaded_and_unloaded(client: EngineClient) -> None:
    client.unload(MODEL)
    assert client.index() == [
        {"name": MODEL, "version": "1", "state": "UNAVAILABLE", "reason": "not loaded"}
    ]
    client.load(MODEL, 1)
    assert client.index() == [{"name": MODEL, "version": "1", "state": "READY", "reason": ""}]


def test_statistics_count_calls_and_failures(client: EngineClient) -> None:
    key = f"model {MODEL} 1"
    client.infer(MODEL, 1, Payload(arrays={"values": NUMBERS}))
    before = client.statistics()["calls"][key]
    client.infer(MODEL, 1, Payload(arrays={"values": NUMBERS}))
    with pytest.raises(InputRefused):
        client.infer(MODEL, 1, Payload(arrays={"values": NUMBERS}), {"refuse": True})
    figures = client.statistics()
    after = figures["calls"][key]
    assert after["success"] == before["success"] + 1
    assert after["failed"] == before["failed"] + 1
    assert after["p50_ms"] <= after["p95_ms"]
    assert figures["models"][0]["name"] == MODEL
    assert figures["errors"]["too_dark"] >= 1
    assert figures["slabs"]["leased_bytes"] <= figures["slabs"]["limit_bytes"]


def test_threads_share_a_client(client: EngineClient) -> None:
    wrong: list[int] = []

    def work(seed: int) -> None:
        values = np.full(20_000, seed, dtype=np.float32)
        for _ in range(10):
            answer = client.infer(MODEL, 1, Payload(arrays={"values": values}))
            if set(answer.payload.arrays["scaled"].tolist()) != {2.0 * seed}:
                wrong.append(seed)
        client.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_async_client_answers_as_the_other_one_does(
    engine: EngineProcess, client: EngineClient, photo: Path
) -> None:
    async def ask() -> None:
        other = AsyncEngineClient(engine.socket, connections=2)
        assert await other.ready()
        ran = await asyncio.gather(*(other.run("tiny", MODEL, 1, photo) for _ in range(6)))
        expected = client.run("tiny", MODEL, 1, photo)
        for inferred in ran:
            assert inferred.payload.meta == expected.payload.meta
            np.testing.assert_array_equal(
                inferred.payload.arrays["scaled"], expected.payload.arrays["scaled"]
            )
        inferred = await other.infer(MODEL, 1, Payload(arrays={"values": NUMBERS}))
        np.testing.assert_array_equal(inferred.payload.arrays["scaled"], NUMBERS * 2)
        assert await other.render("tests.host.engine.tiny.code:picture", photo) == (
            client.render("tests.host.engine.tiny.code:picture", photo)
        )
        rows = Payload(arrays={"amounts": np.ones(2)}, meta={"accounts": ["x", "y"]})
        first = await other.apply("tiny", "from asyncio", rows)
        again = client.apply("tiny", "from asyncio", rows)
        assert first.payload.meta == again.payload.meta
        with pytest.raises(InputRefused, match="empty inside"):
            await other.run("tiny", MODEL, 1, photo, {"refuse": True})
        with pytest.raises(DeadlineExceeded):
            await other.run("tiny", MODEL, 1, photo, {"seconds": 1.0}, deadline_ms=100)
        await other.load(MODEL, 1)
        assert (await other.index()) == client.index()
        assert (await other.statistics())["ready"]
        await other.close()

    asyncio.run(ask())


def test_nobody_at_the_socket_is_told_apart_from_a_refusal(tmp_path: Path) -> None:
    absent = EngineClient(tmp_path / "no.sock")
    assert not absent.ready()
    with pytest.raises(EngineUnavailable, match="No engine answers at"):
        absent.index()

    async def ask() -> None:
        with pytest.raises(EngineUnavailable, match="No engine answers at"):
            await AsyncEngineClient(tmp_path / "no.sock").index()

    asyncio.run(ask())


def test_the_local_engine_gives_the_same_answer_without_a_socket(
    engine: EngineProcess, client: EngineClient, photo: Path
) -> None:
    with LocalEngine(engine.models, apps=Apps({App.slug: App})) as local:
        here = local.run("tiny", MODEL, 1, photo, {}, {"floor": 1})
        there = client.run("tiny", MODEL, 1, photo, {}, {"floor": 1})
        np.testing.assert_array_equal(here.payload.arrays["scaled"], there.payload.arrays["scaled"])
        assert here.payload.meta == there.payload.meta
        assert here.artefact_sha256 == there.artefact_sha256
        with pytest.raises(InputRefused, match="empty inside"):
            local.run("tiny", MODEL, 1, photo, {"refuse": True})
