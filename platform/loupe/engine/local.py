"""The engine without a server, for the offline command line."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from loupe.contract import discovery
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import Service, load
from loupe.engine.apps import Apps
from loupe.engine.core import Engine, EngineOptions
from loupe.engine.errors import NotFound
from loupe.engine.exchange import Inferred, Model


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
        self._services: dict[str, Service] = {}
        self._moving = threading.Lock()

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

    def infer(self, model: Model, payload: Payload) -> Inferred:
        """Run a model on a payload.

        Raises:
            InputRefused, ModelRefused: what the app's code raised.
        """
        return self._engine.infer(model.name, model.version, payload, model.options)

    def apply(self, app: str, payload: Payload, model: Model | None) -> Inferred:
        """One request to the service of `app`, then to `model`, as `EngineClient.apply` does.

        The service is built by its first request, begins empty and keeps its state in memory; one
        request at a time moves it, so the order of calls matters.

        Raises:
            NotFound: the app has no service.
            InputRefused, ModelRefused: what the app's code raised.
        """
        apps = self._engine.apps
        run = apps.services.get(app)
        if run is None:
            raise NotFound(f"The app {app!r} has no live service.")
        with self._moving:
            if app not in self._services:
                self._services[app] = load(run)()
            start = time.perf_counter()
            answer = self._services[app].apply(payload)
            times_ms = {apps.service_step(app): (time.perf_counter() - start) * 1e3}
        if model is None:
            return Inferred(payload=answer, times_ms=times_ms)
        start = time.perf_counter()
        added = self.infer(model, answer)
        took_ms = (time.perf_counter() - start) * 1e3
        return Inferred(
            payload=added.payload.over(answer),
            times_ms={**times_ms, **(added.times_ms or {apps.model_step(app): took_ms})},
            artefact_sha256=added.artefact_sha256,
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
