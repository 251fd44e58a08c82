"""Kill -9 of the engine at thirty moments: the next score is that of an uninterrupted run."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.fraud.live.service import FraudService
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload
from loupe.engine.client import EngineClient
from tests.apps.fraud.live import transactions

ROOT = Path(__file__).resolve().parents[4]
KILLS = 30
REQUESTS = 260

pytestmark = [pytest.mark.serial, pytest.mark.load]


class Engines:
    """Engines over one folder, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "engine.sock"
        self.log = (folder / "log").open("wb")
        arguments = ["--socket", self.socket, "--models", folder / "models"]
        arguments += ["--state", folder / "state", "--threads", "1"]
        self._source = subprocess.Popen(
            [sys.executable, "-m", "tests.apps.fraud.live.serve", *map(str, arguments)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip
        self.pid = 0

    def start(self) -> None:
        assert self._source.stdin is not None
        assert self._source.stdout is not None
        self._source.stdin.write("\n")
        self._source.stdin.flush()
        self.pid = int(self._source.stdout.readline())

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        while Path(f"/proc/{self.pid}").exists():
            time.sleep(0.001)

    def close(self) -> None:
        if self.pid:
            self.kill()
        self._source.terminate()
        self._source.wait()
        self.log.close()


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    some = Engines(tmp_path)
    yield some
    some.close()


def persistent(client: EngineClient, name: str, request: Payload) -> Payload:
    """The answer, asked for until there is one."""
    until = time.monotonic() + 180
    while True:
        try:
            with client.apply("fraud", name, request, deadline_ms=20_000) as answer:
                return answer.payload.told()
        except TemporarilyUnavailable:
            assert time.monotonic() < until
            time.sleep(0.005)


def test_after_30_kills_every_score_equals_that_of_an_uninterrupted_run(engines: Engines) -> None:
    requests = transactions.work(REQUESTS)
    oracle = FraudService()
    chance = random.Random(30)
    moments = sorted(chance.sample(range(REQUESTS - 20), KILLS))
    answered = kills = 0
    over = threading.Event()

    def killer() -> None:
        nonlocal kills
        for moment in moments:
            while answered < moment and not over.is_set():
                time.sleep(0.0005)
            if over.is_set():
                return
            time.sleep(chance.uniform(0.0, 0.01))
            engines.kill()
            engines.start()
            kills += 1

    engines.start()
    thread = threading.Thread(target=killer)
    thread.start()
    client = EngineClient(engines.socket)
    try:
        for answered, request in enumerate(requests):
            got = persistent(client, f"r{answered}", request)
            expected = oracle.apply(request)
            assert transactions.plain(got) == transactions.plain(expected), f"request {answered}"
    except BaseException:
        over.set()
        raise
    finally:
        thread.join()  # what is left of the kills falls behind the last request
        client.close()
    assert kills == KILLS
