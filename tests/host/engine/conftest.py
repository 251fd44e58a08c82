"""A running engine, shared by the tests of one module."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loupe.engine.client import EngineClient
from tests.host.engine.harness import EngineProcess


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., EngineProcess]]:
    """Start an engine with further command-line arguments; it ends with the test."""
    started: list[EngineProcess] = []

    def start(*arguments: str) -> EngineProcess:
        engine = EngineProcess(tmp_path / f"engine{len(started)}", *arguments)
        engine.folder.mkdir()
        engine.install()
        started.append(engine)
        return engine.start()

    yield start
    for engine in started:
        engine.stop()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine for tests that leave it as they found it."""
    engine = EngineProcess(tmp_path_factory.mktemp("engine"))
    engine.install()
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def client(engine: EngineProcess) -> Iterator[EngineClient]:
    client = EngineClient(engine.socket)
    yield client
    client.close()
