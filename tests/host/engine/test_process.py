"""Kills, floods and restarts of a real engine process."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload
from loupe.engine.client import SHARED_MEMORY, EngineClient
from loupe.engine.errors import DeadlineExceeded, EngineUnavailable, QueueFull
from tests.host.engine.harness import MODEL, ROOT, EngineProcess

pytestmark = pytest.mark.serial

SMALL = Payload(arrays={"values": np.ones(4, np.float32)})
LARGE = Payload(arrays={"values": np.ones(100_000, np.float32)})
Start = Callable[..., EngineProcess]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that must come to be."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come to be"
        time.sleep(0.01)


def files_of_the_engine_behind(slab: str) -> set[str]:
    """Its slabs and its lock; other engines may run on this machine."""
    engine = slab.rpartition("-")[0]
    return {path.name for path in SHARED_MEMORY.glob(f"{engine}*")}


def test_the_socket_is_for_this_user_alone(start: Start) -> None:
    engine = start()
    assert stat.S_IMODE(engine.socket.stat().st_mode) == 0o600


def test_a_client_outlives_kill_9_of_the_engine(start: Start) -> None:
    engine = start()
    client = EngineClient(engine.socket)
    with client.lease(LARGE.nbytes) as slab:
        values = slab.array("float32", (100_000,))
        values[:] = 1
        payload = Payload(arrays={"values": values})
        client.infer(MODEL, 1, payload)
        engine.kill()
        with pytest.raises(EngineUnavailable):
            client.infer(MODEL, 1, payload)
        engine.start()
        # The slab died with the engine that owned it; its bytes are sent anew.
        answer = client.infer(MODEL, 1, payload)
    assert set(answer.payload.arrays["scaled"].tolist()) == {2.0}
    client.close()


def test_an_idle_client_does_not_notice_a_restart(start: Start) -> None:
    engine = start()
    client = EngineClient(engine.socket)
    client.infer(MODEL, 1, LARGE)
    engine.kill()
    engine.start()
    answer = client.infer(MODEL, 1, LARGE)
    assert set(answer.payload.arrays["scaled"].tolist()) == {2.0}
    client.close()


def test_slabs_of_a_client_that_died_are_reclaimed(start: Start) -> None:
    engine = start()
    code = (
        "import sys, time; from pathlib import Path; from loupe.engine.client import EngineClient;"
        "client = EngineClient(Path(sys.argv[1])); slab = client.lease(5_000_000);"
        "print('leased', flush=True); time.sleep(600)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(engine.socket)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"leased\n"
    client = EngineClient(engine.socket)
    assert client.statistics()["slabs"]["leased"] == 1
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    until(lambda: client.statistics()["slabs"]["leased"] == 0)
    client.close()


def test_slabs_of_a_dead_engine_are_removed_by_the_next(start: Start) -> None:
    engine = start()
    client = EngineClient(engine.socket)
    name = client.lease(1_000_000).name
    assert len(files_of_the_engine_behind(name)) == 2
    engine.kill()
    assert len(files_of_the_engine_behind(name)) == 2
    engine.start()
    assert not files_of_the_engine_behind(name)
    client.close()


def test_an_engine_that_stops_leaves_no_shared_memory(start: Start) -> None:
    engine = start()
    client = EngineClient(engine.socket)
    name = client.lease(1_000_000).name
    client.close()
    engine.stop()
    assert not files_of_the_engine_behind(name)


def test_leases_have_a_limit(start: Start) -> None:
    engine = start("--slab-bytes", str(4 * 2**20))
    client = EngineClient(engine.socket)
    with client.lease(3 * 2**20), pytest.raises(TemporarilyUnavailable) as full:
        client.lease(2**20)
    assert full.value.code == "slab_memory"
    with pytest.raises(LoupeError, match="between 1 and 4194304"):
        client.lease(5 * 2**20)
    client.close()


def test_a_full_queue_refuses_at_once_and_recovers(start: Start) -> None:
    engine = start("--threads", "1", "--queue", "2")
    client = EngineClient(engine.socket)
    client.load(MODEL, 1)
    results: list[float] = []

    def work(seconds: float) -> None:
        answer = EngineClient(engine.socket).infer(MODEL, 1, SMALL, {"seconds": seconds})
        results.extend(answer.payload.arrays["scaled"].tolist())

    # One call at work for long enough that two wait behind it while others are refused.
    threads = [threading.Thread(target=work, args=(seconds,)) for seconds in (4.0, 0.0, 0.0)]
    threads[0].start()
    until(lambda: client.statistics()["queue"]["running"] == 1)
    for thread in threads[1:]:
        thread.start()
    until(lambda: client.statistics()["queue"]["waiting"] == 2)
    for _ in range(5):
        with pytest.raises(QueueFull):
            client.infer(MODEL, 1, SMALL)
    assert results == []
    for thread in threads:
        thread.join()
    assert results == [2.0] * 12
    client.infer(MODEL, 1, SMALL)
    client.close()


def test_work_whose_deadline_passed_in_the_queue_is_not_started(start: Start) -> None:
    engine = start("--threads", "1")
    client = EngineClient(engine.socket)
    client.load(MODEL, 1)
    slow = threading.Thread(
        target=EngineClient(engine.socket).infer, args=(MODEL, 1, SMALL, {"seconds": 4.0})
    )
    slow.start()
    until(lambda: client.statistics()["queue"]["running"] == 1)
    with pytest.raises(DeadlineExceeded):
        client.infer(MODEL, 1, SMALL, deadline_ms=100)
    slow.join()
    assert client.statistics()["calls"][f"model {MODEL} 1"]["success"] == 1
    assert client.statistics()["queue"] == {"waiting": 0, "running": 0, "limit": 64}
    client.close()


def test_a_second_engine_at_the_same_socket_is_refused(start: Start) -> None:
    engine = start()
    second = EngineProcess(engine.folder)
    second.log = engine.folder / "second.log"
    second.start(wait=False)
    assert second.process is not None
    assert second.process.wait(timeout=180) == 1
    assert "Another engine holds" in second.log.read_text()
    assert EngineClient(engine.socket).ready()


def test_sigterm_answers_what_came_in_before_it_ends(start: Start) -> None:
    engine = start()
    answers: list[float] = []

    def work() -> None:
        client = EngineClient(engine.socket)
        answer = client.infer(MODEL, 1, SMALL, {"seconds": 1.0})
        answers.extend(answer.payload.arrays["scaled"].tolist())

    watcher = EngineClient(engine.socket)
    watcher.load(MODEL, 1)
    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: watcher.statistics()["queue"]["running"] == 1)
    assert engine.stop() == 0
    thread.join()
    assert answers == [2.0] * 4
    assert not engine.socket.exists()


def test_kill_9_of_a_sandbox_fails_one_call_and_the_next_succeeds(
    start: Start, tmp_path: Path
) -> None:
    engine = start("--threads", "1")
    photo = tmp_path / "photo"
    photo.write_bytes(b"\x01")
    client = EngineClient(engine.socket)
    failed: list[str] = []

    def work() -> None:
        try:
            EngineClient(engine.socket).run("tiny", MODEL, 1, photo, {"seconds": 120})
        except LoupeError as error:
            failed.append(error.code)

    client.load(MODEL, 1)
    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: client.statistics()["queue"]["running"] == 1)
    until(lambda: len(psutil.Process(engine.pid).children()) == 1)
    (sandbox,) = psutil.Process(engine.pid).children()
    os.kill(sandbox.pid, signal.SIGKILL)
    thread.join()
    assert failed == ["decode_crashed"]
    assert client.run("tiny", MODEL, 1, photo).payload.arrays["scaled"].tolist() == [2.0]
    client.close()


def test_a_file_that_takes_too_long_is_given_up_at_the_deadline(
    start: Start, tmp_path: Path
) -> None:
    engine = start("--threads", "1")
    photo = tmp_path / "photo"
    photo.write_bytes(b"\x01")
    client = EngineClient(engine.socket)
    with pytest.raises(DeadlineExceeded):
        client.run("tiny", MODEL, 1, photo, {"seconds": 120}, deadline_ms=300)
    assert client.run("tiny", MODEL, 1, photo).payload.arrays["scaled"].tolist() == [2.0]
    client.close()
