"""What one worker process computes with: a sandbox of its own and a line to the engine."""

from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.steps import Step
from loupe.engine.client import EngineClient
from loupe.sandbox.pool import Parsed, SandboxPool
from loupe.sandbox.slab import Slab

THREADS = 3
"""One item is parsed while one is inferred and one is on its way."""


class Bench:
    """Sandbox and engine of this process. Thread-safe."""

    def __init__(self) -> None:
        self.engine = EngineClient(settings.ENGINE_SOCKET, lane=Lane.BATCH)
        self.sandbox = SandboxPool(size=1, memory_bytes=settings.SANDBOX_MEMORY_BYTES)

    def parse(
        self, step: Step, path: Path, options: dict[str, JsonValue], name: str, *, shared: bool
    ) -> Parsed:
        """Run a sandbox step within its limits; with `shared` its arrays land straight in the
        engine's memory.

        A decoder that crashes gets a second try: the first may have been killed from outside.
        """
        lease = self.engine.lease if shared else Slab.private

        def parsed() -> Parsed:
            return self.sandbox.parse(
                step.run, path, options, lease=lease, name=name,
                memory_bytes=step.memory_bytes, seconds=step.seconds,
            )  # fmt: skip

        try:
            return parsed()
        except InputRefused as error:
            if error.code != "decode_crashed":
                raise
            return parsed()

    def cut(self, run: str, path: Path, options: dict[str, JsonValue], name: str) -> Any:
        """Run a `Split` function; a crash gets a second try, as in `parse`."""
        arguments: list[JsonValue | Path] = [path, options]
        try:
            return self.sandbox.call(run, arguments, name=name)
        except InputRefused as error:
            if error.code != "decode_crashed":
                raise
            return self.sandbox.call(run, arguments, name=name)


@cache
def bench() -> Bench:
    """This process's bench, made when the first item comes: after the worker has forked."""
    return Bench()
