"""A real engine process of one's own, for tests and benchmarks of services and models."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loupe.engine import repository
from loupe.engine.aio_client import AsyncEngineClient
from loupe.engine.client import EngineClient

__all__ = ["AsyncEngineClient", "installed", "many_calls", "running_engine"]

START_SECONDS = 60
STOP_SECONDS = 20


def installed(artefact: Path, models: Path, name: str) -> None:
    """Put an artefact into the repository `models` as version 1 of `name`."""
    repository.install(artefact, models, name, 1)


def many_calls(socket: Path, connections: int) -> AsyncEngineClient:
    """A client for that many calls at once."""
    return AsyncEngineClient(socket, connections=connections)


@contextmanager
def running_engine(models: Path | None = None, state: Path | None = None) -> Iterator[EngineClient]:
    """Start ``python -m loupe.engine`` in folders of its own and stop it afterwards.

    Raises:
        RuntimeError: the engine ended or was not ready in time; its last words are quoted.
    """
    with tempfile.TemporaryDirectory(prefix="loupe-engine-") as name:
        folder = Path(name)
        socket, log = folder / "engine.sock", folder / "engine.log"
        arguments = ["--socket", socket, "--models", models or folder / "models"]
        arguments += ["--state", state or folder / "state"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "loupe.engine", *map(str, arguments)],
                stdout=output,
                stderr=output,
                env=dict(os.environ),
            )
        client = EngineClient(socket)
        try:
            until = time.monotonic() + START_SECONDS
            while not client.ready():
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"The engine did not start: {log.read_text()[-2000:]}")
                time.sleep(0.05)
            yield client
        finally:
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
