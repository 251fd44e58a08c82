"""A real engine process over a temporary folder, and artefacts for it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from loupe.engine import repository
from loupe.engine.client import EngineClient

ROOT = Path(__file__).resolve().parents[3]
MODEL = "tiny.shared.scaler"


def artefact(folder: Path, factor: float = 2.0, **extra: Any) -> Path:
    """Write a scaler's artefact into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = json.dumps({"factor": factor}).encode()
    (folder / "weights.json").write_bytes(weights)
    manifest = {
        "schema": 1,
        "app": "tiny",
        "runner": "tests.host.engine.tiny.code:Scaler",
        "files": {"weights.json": hashlib.sha256(weights).hexdigest()},
        "format": "json",
        "task": "scale",
        "classes": [],
        "input": {},
        **extra,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


class EngineProcess:
    """Starts, kills and restarts an engine whose folders outlive it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.socket = folder / "engine.sock"
        self.models = folder / "models"
        self.state = folder / "state"
        self.log = folder / "engine.log"
        self.arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None

    def install(self, name: str = MODEL, version: int = 1, **extra: Any) -> None:
        """Put a scaler into the repository."""
        source = artefact(self.folder / f"source-{name}-{version}", **extra)
        repository.install(source, self.models, name, version)

    def start(self, *, wait: bool = True) -> "EngineProcess":
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.host.engine.serve"),
                    *("--socket", str(self.socket), "--models", str(self.models)),
                    *("--state", str(self.state), "--die-with-parent", *self.arguments),
                ],
                cwd=ROOT,
                stderr=log,
            )
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Wait until it is ready."""
        client = EngineClient(self.socket)
        limit = time.monotonic() + 120
        while not client.ready():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError(f"The engine did not start:\n{self.log.read_text()}")
            time.sleep(0.02)
        client.close()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=180)
