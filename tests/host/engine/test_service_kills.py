"""Live state survives kill -9 of the engine at any moment, and a full disk."""

import random
import resource
import threading
import time
from collections.abc import Callable

import pytest

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload
from loupe.engine.client import EngineClient
from tests.host.engine.harness import EngineProcess
from tests.host.engine.test_services import expected, request

pytestmark = [pytest.mark.serial]

KILLS = 20
REQUESTS = 400


def persistent(client: EngineClient, name: str, payload: Payload) -> list[float]:
    """The answer, asked for until there is one."""
    while True:
        try:
            answer = client.apply("tiny", name, payload, deadline_ms=60_000)
            return list(answer.payload.arrays["scores"].tolist())
        except TemporarilyUnavailable:
            time.sleep(0.005)


@pytest.mark.load
def test_after_20_kills_every_answer_equals_that_of_an_uninterrupted_run(
    start: Callable[..., EngineProcess], tmp_path_factory: pytest.TempPathFactory
) -> None:
    answers = expected(REQUESTS, tmp_path_factory.mktemp("oracle"))
    engine = start()
    chance = random.Random(20)
    moments = sorted(chance.sample(range(REQUESTS), KILLS))
    answered = 0

    def killer() -> None:
        for moment in moments:
            while answered < moment:
                time.sleep(0.0005)
            time.sleep(chance.uniform(0.0, 0.004))
            engine.kill()
            engine.start(wait=False)

    thread = threading.Thread(target=killer)
    thread.start()
    client = EngineClient(engine.socket)
    for answered in range(REQUESTS):
        got = persistent(client, f"r{answered}", request(answered))
        assert got == answers[answered]
    thread.join()
    engine.wait()
    for n in range(REQUESTS):
        answer = client.apply("tiny", f"r{n}", request(0))
        assert answer.payload.arrays["scores"].tolist() == answers[n]
    client.close()


def test_a_full_disk_refuses_the_request_and_moves_no_state(
    start: Callable[..., EngineProcess], tmp_path_factory: pytest.TempPathFactory
) -> None:
    answers = expected(3, tmp_path_factory.mktemp("oracle"))
    engine = start()
    client = EngineClient(engine.socket)
    assert client.apply("tiny", "r0", request(0)).payload.arrays["scores"].tolist() == answers[0]
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    (journal,) = (engine.state / "tiny").glob("journal-*.log")
    resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (journal.stat().st_size + 10, hard))
    with pytest.raises(TemporarilyUnavailable, match="was not applied") as full:
        client.apply("tiny", "r1", request(1))
    assert full.value.code == "disk_full"
    resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (hard, hard))
    for n in (1, 2):
        answer = client.apply("tiny", f"r{n}", request(n))
        assert answer.payload.arrays["scores"].tolist() == answers[n]
    engine.kill()
    engine.start()
    for n in range(3):
        answer = client.apply("tiny", f"r{n}", request(9))
        assert answer.payload.arrays["scores"].tolist() == answers[n]
    client.close()
