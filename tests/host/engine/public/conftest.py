"""An engine with a public port, and NVIDIA's own client for it."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tritonclient.http as triton

from tests.host.engine.harness import EngineProcess

TOKEN = "0123456789abcdef" * 4


def token_file(folder: Path, *tokens: str) -> Path:
    """A token file as it should be."""
    path = folder / "tokens"
    path.write_text("# the MES\n" + "\n".join(tokens or (TOKEN,)) + "\n")
    path.chmod(0o600)
    return path


def port_of(engine: EngineProcess) -> int:
    """The port that the system chose."""
    limit = time.monotonic() + 90
    while time.monotonic() < limit:
        found = re.findall(r"the public port is 127\.0\.0\.1:(\d+)", engine.log.read_text())
        if found:
            return int(found[-1])
        time.sleep(0.05)
    raise AssertionError(engine.log.read_text())


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine whose public port allows shared memory, with two versions of a model."""
    folder = tmp_path_factory.mktemp("public")
    engine = EngineProcess(
        folder,
        *("--public", "127.0.0.1:0", "--public-tokens", str(token_file(folder))),
        "--public-shared-memory",
    )
    engine.install()
    engine.install(version=2)
    engine.start()
    yield engine
    engine.stop()


class Client:
    """tritonclient with the token on every call."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self._client = triton.InferenceServerClient(f"127.0.0.1:{port}", network_timeout=30)
        self._headers = {"Authorization": f"Bearer {token}"}

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return lambda *given, **named: call(*given, headers=self._headers, **named)

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def client(public: EngineProcess) -> Iterator[Client]:
    client = Client(port_of(public))
    yield client
    client.close()


@pytest.fixture
def shared_name() -> Iterator[str]:
    """The name of a shared-memory object that is gone after the test."""
    name = f"public-test-{os.getpid()}"
    yield name
    Path("/dev/shm", name).unlink(missing_ok=True)
