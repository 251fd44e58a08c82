"""The engine without a server, for the offline command line."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from loupe.contract import discovery
from loupe.contract.runtime.payload import JsonValue
from loupe.engine.apps import Apps
from loupe.engine.core import Engine, EngineOptions
from loupe.engine.exchange import Inferred


class LocalEngine:
    """Runs models in this process; untrusted files still go through a sandbox.

    Args:
        models: the model repository.
        threads: files that may be worked on at once, by as many calling threads.
        sandbox_memory_bytes: memory one file may take.
    """

    def __init__(
        self,
        models: Path,
        *,
        threads: int = 1,
        sandbox_memory_bytes: int = 2 * 2**30,
        apps: Apps | None = None,
    ) -> None:
        options = EngineOptions(
            models=models, threads=threads, sandbox_memory_bytes=sandbox_memory_bytes
        )
        self._engine = Engine(options, apps or Apps(discovery.declared()))

    def run(
        self,
        app: str,
        model: str,
        version: int,
        path: Path,
        options: Mapping[str, JsonValue] | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        deadline_ms: float | None = None,
        *,
        name: str | None = None,
    ) -> Inferred:
        """Parse a file and infer, as `EngineClient.run` does; `deadline_ms` is not used.

        Raises:
            InputRefused, ModelRefused: what the app's code raised.
        """
        return self._engine.run(
            app, model, version, path, options or {}, parameters or {}, name=name
        )

    def close(self) -> None:
        """Drop the models and end the sandboxes."""
        self._engine.close()

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
