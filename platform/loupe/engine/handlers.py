"""What the engine answers: the Open Inference Protocol's calls, and Loupe's own beside them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload
from loupe.engine import fields, repository, tensors
from loupe.engine.core import Engine, without_slabs
from loupe.engine.errors import NotFound, RequestRefused
from loupe.engine.exchange import DEADLINE, REQUEST_ID, Inferred
from loupe.engine.http import Connection, HttpAnswer, HttpRequest
from loupe.engine.memory import resident_bytes
from loupe.engine.routes import Routes
from loupe.engine.slabs import Pins, SlabStore
from loupe.engine.statistics import Statistics
from loupe.engine.work import Deadline, WorkQueue
from loupe.sandbox.pool import Parsed

T = TypeVar("T")

EXTENSIONS = ("binary_tensor_data", "model_repository", "shared_memory", "statistics")
_OWN_PARAMETERS = {tensors.META, DEADLINE, REQUEST_ID, "binary_data_output"}


class Handlers:
    """Turns HTTP requests into calls of the engine, and its answers back."""

    def __init__(self, engine: Engine, slabs: SlabStore, queue: WorkQueue) -> None:
        self.engine = engine
        self.slabs = slabs
        self.queue = queue
        self.statistics = Statistics()
        self.ready = False
        self._routes = routes = Routes()
        routes.add("GET", "/v2/health/live", self.live)
        routes.add("GET", "/v2/health/ready", self.health)
        routes.add("GET", "/v2", self.server)
        model = "/v2/models/{name}/versions/{version}"
        routes.add("GET", model, self.model)
        routes.add("GET", model + "/ready", self.model_ready)
        routes.add("GET", model + "/stats", self.model_statistics)
        routes.add("POST", model + "/infer", self.infer)
        routes.add("POST", "/v2/repository/index", self.index)
        routes.add("POST", "/v2/repository/models/{name}/load", self.load)
        routes.add("POST", "/v2/repository/models/{name}/unload", self.unload)
        routes.add("POST", "/v2/loupe/slabs", self.lease)
        routes.add("DELETE", "/v2/loupe/slabs/{name}", self.release)
        routes.add("POST", "/v2/loupe/services/{slug}/apply", self.apply)
        routes.add("POST", "/v2/loupe/run", self.run)
        routes.add("POST", "/v2/loupe/parse", self.parse)
        routes.add("POST", "/v2/loupe/render", self.render)
        routes.add("GET", "/v2/loupe/statistics", self.figures)

    def answer(self, connection: Connection, request: HttpRequest) -> Awaitable[HttpAnswer]:
        """Answer one request of a connection."""
        return self._routes.dispatch(connection, request)

    async def live(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """The process answers."""
        return HttpAnswer(document={"live": True})

    async def health(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Sandboxes are warm and services restored."""
        if not self.ready:
            raise TemporarilyUnavailable("The engine is warming up or stopping.", code="not_ready")
        return HttpAnswer(document={"ready": True})

    async def server(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Server metadata."""
        return HttpAnswer(
            document={
                "name": "loupe",
                "version": installed_version("loupe"),
                "extensions": list(EXTENSIONS),
            }
        )

    async def model(
        self, connection: Connection, request: HttpRequest, name: str, version: str
    ) -> HttpAnswer:
        """Model metadata, from the manifest."""
        folder = repository.artefact_folder(
            self.engine.options.models, name, fields.number(version)
        )
        manifest = await asyncio.to_thread(repository.read_manifest, folder)
        document = {
            "name": name,
            "versions": [version],
            "platform": f"loupe_{manifest.get('format', 'unknown')}",
            "inputs": [],
            "outputs": [],
            "parameters": {"artefact_sha256": repository.artefact_sha256(manifest)},
        }
        return HttpAnswer(document=document)

    async def model_ready(
        self, connection: Connection, request: HttpRequest, name: str, version: str
    ) -> HttpAnswer:
        """Whether a version is resident."""
        state = self.engine.residency.states().get((name, fields.number(version)))
        if state is None or state[0] != "READY":
            raise NotFound(f"{name} version {version} is not resident.", code="model_not_resident")
        return HttpAnswer(document={"name": name, "ready": True})

    async def model_statistics(
        self, connection: Connection, request: HttpRequest, name: str, version: str
    ) -> HttpAnswer:
        """The protocol's statistics of a version."""
        number = fields.number(version)
        stats = self.statistics.model(_key(name, number), name, number)
        return HttpAnswer(document={"model_stats": [stats]})

    async def index(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Every artefact in the repository with its state."""
        root = self.engine.options.models
        states = self.engine.residency.states()
        found = await asyncio.to_thread(lambda: list(repository.installed(root)))
        rows = []
        for name, version, _ in found:
            state, reason = states.get((name, version), ("UNAVAILABLE", "not loaded"))
            rows.append({"name": name, "version": str(version), "state": state, "reason": reason})
        return HttpAnswer(document=rows)

    async def load(self, connection: Connection, request: HttpRequest, name: str) -> HttpAnswer:
        """Make a version resident."""
        version = fields.whole(fields.mapping(request.document(), "parameters"), "version")
        self.engine.residency.forget_failure(name, version)
        await _within(Deadline(), self.engine.residency.ready(name, version), shared=True)
        return HttpAnswer(document={})

    async def unload(self, connection: Connection, request: HttpRequest, name: str) -> HttpAnswer:
        """Drop a version, or all of a model."""
        parameters = fields.mapping(request.document(), "parameters")
        version = fields.whole(parameters, "version") if "version" in parameters else None
        await asyncio.to_thread(self.engine.residency.unload, name, version)
        return HttpAnswer(document={})

    async def lease(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Lease a slab to this connection."""
        nbytes = fields.whole(request.document(), "byte_size")
        slab = self.slabs.lease(nbytes, connection)
        return HttpAnswer(document={"name": slab.name, "byte_size": slab.nbytes})

    async def release(self, connection: Connection, request: HttpRequest, name: str) -> HttpAnswer:
        """Take a slab back."""
        self.slabs.release(name)
        return HttpAnswer(document={})

    async def infer(
        self, connection: Connection, request: HttpRequest, name: str, version: str
    ) -> HttpAnswer:
        """One request to a model."""
        number = fields.number(version)
        document = request.document()
        parameters = fields.mapping(document, "parameters")
        deadline = fields.deadline(parameters, DEADLINE)
        options = {key: parameters[key] for key in parameters if key not in _OWN_PARAMETERS}

        async def work(pins: Pins) -> HttpAnswer:
            payload = _payload(document, request, pins)
            await _within(deadline, self.engine.residency.ready(name, number), shared=True)

            def infer(queue_ms: float) -> HttpAnswer:
                inferred = self.engine.infer(name, number, payload, options)
                return _inferred(inferred, {"queue": queue_ms}, document, pins, name, version)

            return await _within(deadline, pins.until(self.queue.submit(deadline, infer)))

        return await self._counted(_key(name, number), work)

    async def apply(self, connection: Connection, request: HttpRequest, slug: str) -> HttpAnswer:
        """One request to a live service."""
        document = request.document()
        parameters = fields.mapping(document, "parameters")
        deadline = fields.deadline(parameters, DEADLINE)
        request_id = fields.text(parameters, REQUEST_ID)

        async def work(pins: Pins) -> HttpAnswer:
            start = time.perf_counter()
            payload = _payload(document, request, pins)
            answer = await _within(
                deadline, pins.until(self.engine.apply(slug, request_id, payload, deadline))
            )
            times_ms = {"apply": (time.perf_counter() - start) * 1e3}
            inferred = Inferred(payload=answer, times_ms=times_ms)
            return _inferred(inferred, {}, document, pins, slug, "1")

        return await self._counted(f"service {slug}", work)

    async def run(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Parse a file in a sandbox and infer."""
        document = request.document()
        app, model = fields.text(document, "app"), fields.text(document, "model")
        version = fields.whole(document, "version")
        path = Path(fields.text(document, "path"))
        options, wishes = fields.mapping(document, "options"), fields.mapping(document, "request")
        deadline = fields.deadline(fields.mapping(document, "parameters"), DEADLINE)

        async def work(pins: Pins) -> HttpAnswer:
            await _within(deadline, self.engine.residency.ready(model, version), shared=True)

            def run(queue_ms: float) -> HttpAnswer:
                inferred = self.engine.run(
                    app, model, version, path, options, wishes, deadline, self.slabs.scratch
                )
                return _inferred(inferred, {"queue": queue_ms}, _BINARY, pins, model, str(version))

            return await _within(deadline, self.queue.submit(deadline, run))

        return await self._counted(_key(model, version), work)

    async def parse(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Run an app's sandbox step; its arrays lie in a slab leased to this connection."""
        document = request.document()
        app = fields.text(document, "app")
        path = Path(fields.text(document, "path"))
        options = fields.mapping(document, "options")
        deadline = fields.deadline(fields.mapping(document, "parameters"), DEADLINE)

        async def work(pins: Pins) -> HttpAnswer:
            # The slab belongs to the work until it is known that somebody still waits for it.
            owner = object()

            def parse(queue_ms: float) -> tuple[float, str, Parsed]:
                name, parsed = self.engine.parse(
                    app, path, options, lambda nbytes: self.slabs.lease(nbytes, owner), deadline
                )
                return queue_ms, name, parsed

            future = self.queue.submit(deadline, parse)
            try:
                queue_ms, name, parsed = await _within(deadline, future)
                if parsed.slab is not None:
                    self.slabs.hand_over(parsed.slab.name, connection)
            finally:
                future.add_done_callback(lambda _: self.slabs.release_owner(owner))
            return _parsed(app, parsed, {"queue": queue_ms, name: parsed.elapsed_ms})

        return await self._counted(f"parse {app}", work)

    async def render(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Encoded bytes from an app's function."""
        document = request.document()
        run, path = fields.text(document, "run"), Path(fields.text(document, "path"))
        options = fields.mapping(document, "options")
        deadline = fields.deadline(fields.mapping(document, "parameters"), DEADLINE)
        self.engine.apps.check_code(run)

        async def work(pins: Pins) -> HttpAnswer:
            def render(queue_ms: float) -> bytes:
                return self.engine.render(run, path, options, deadline)

            return HttpAnswer(raw=await _within(deadline, self.queue.submit(deadline, render)))

        return await self._counted(f"render {run}", work)

    async def figures(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Queue, residents, slabs, services, counts and latencies of this moment."""
        residents = [
            {
                "name": resident.key[0],
                "version": resident.key[1],
                "bytes": resident.nbytes,
                "in_use": resident.pins,
                "artefact_sha256": resident.artefact_sha256,
            }
            for resident in self.engine.residency.resident()
        ]
        services = {
            slug: {"requests": service.sequence, "repeated": service.repeated}
            for slug, service in self.engine.services.items()
        }
        return HttpAnswer(
            document={
                "ready": self.ready,
                "since": self.statistics.since,
                "memory_bytes": resident_bytes(),
                "memory_budget_bytes": self.engine.options.memory_bytes,
                "queue": self.queue.depth(),
                "slabs": self.slabs.usage(),
                "models": residents,
                "services": services,
                "calls": self.statistics.summary(),
                "errors": dict(self.statistics.refused),
            }
        )

    async def _counted(self, key: str, work: Callable[[Pins], Awaitable[HttpAnswer]]) -> HttpAnswer:
        """Do the work, hold the slabs it names, and count how it went under `key`."""
        start = time.perf_counter()
        pins = Pins(self.slabs)
        try:
            answer = await work(pins)
        except LoupeError as error:
            self.statistics.failed(key, (time.perf_counter() - start) * 1e3, error.code)
            raise
        finally:
            pins.release()
        self.statistics.succeeded(key, (time.perf_counter() - start) * 1e3, answer.times_ms)
        return answer


_BINARY: dict[str, Any] = {"parameters": {"binary_data_output": True}}


def _key(model: str, version: int) -> str:
    return f"model {model} {version}"


async def _within(deadline: Deadline, future: Future[T], *, shared: bool = False) -> T:
    """Wait for work of another thread; give up, and cancel what has not begun, at the deadline.

    `shared` work goes on for others.
    """
    waiting = asyncio.wrap_future(future)
    try:
        async with asyncio.timeout(deadline.left_s()):
            return await (asyncio.shield(waiting) if shared else waiting)
    except TimeoutError as error:
        raise deadline.exceeded() from error


def _payload(document: dict[str, Any], request: HttpRequest, pins: Pins) -> Payload:
    """The payload of an inference request.

    Raises:
        RequestRefused: a tensor is malformed or reaches outside its memory.
    """
    arrays = tensors.decode(document.get("inputs"), request.binary(), pins.find)
    meta = tensors.decode_meta(fields.mapping(document, "parameters"))
    return Payload(arrays=arrays, meta=meta)


def _inferred(
    inferred: Inferred,
    times_ms: dict[str, float],
    document: dict[str, Any],
    pins: Pins,
    name: str,
    version: str,
) -> HttpAnswer:
    """The protocol's answer: outputs where the request wants them, the rest as parameters."""
    arrays = dict(inferred.payload.arrays)
    placed = _place_outputs(arrays, document.get("outputs"), pins)
    # What still points into a slab must not: it is sent after the slab has been given back.
    rest = without_slabs(
        {name: array for name, array in arrays.items() if name not in placed}, pins.slabs
    )
    binary = fields.mapping(document, "parameters").get("binary_data_output") is True
    encoded = tensors.encode(rest, binary=binary)
    times = {**times_ms, **inferred.times_ms}
    return HttpAnswer(
        document={
            "model_name": name,
            "model_version": version,
            **({"id": document["id"]} if isinstance(document.get("id"), str) else {}),
            "outputs": [*placed.values(), *encoded.tensors],
            "parameters": {
                tensors.META: tensors.encode_meta(inferred.payload.meta),
                "loupe_times_ms": msgspec.json.encode(times).decode(),
                "loupe_artefact_sha256": inferred.artefact_sha256,
            },
        },
        chunks=encoded.chunks,
        times_ms=times,
    )


def _place_outputs(arrays: dict[str, Any], wanted: object, pins: Pins) -> dict[str, dict[str, Any]]:
    """Leave only the outputs asked for, and write those with a region into their slab."""
    if wanted is None:
        return {}
    if not isinstance(wanted, list) or not all(isinstance(entry, dict) for entry in wanted):
        raise RequestRefused("The field 'outputs' must list objects with a 'name'.")
    names = [fields.text(entry, "name") for entry in wanted]
    for name in names:
        if name not in arrays:
            raise RequestRefused(f"There is no output {name!r}; there are: {', '.join(arrays)}.")
    for name in set(arrays) - set(names):
        del arrays[name]
    placed = {}
    for entry, name in zip(wanted, names, strict=True):
        parameters = fields.mapping(entry, "parameters")
        if "shared_memory_region" in parameters:
            placed[name] = tensors.write_to_slab(name, arrays[name], parameters, pins.find)
    return placed


def _parsed(app: str, parsed: Parsed, times_ms: dict[str, float]) -> HttpAnswer:
    """What a sandbox step made: tensors in the slab now leased to the connection."""
    slab = parsed.slab

    def place(array: Any) -> tuple[str, int] | None:
        offset = slab.offset_of(array) if slab is not None and array.nbytes else None
        return None if slab is None or offset is None else (slab.name, offset)

    encoded = tensors.encode(parsed.payload.arrays, place)
    parameters: dict[str, Any] = {
        tensors.META: tensors.encode_meta(parsed.payload.meta),
        "loupe_times_ms": msgspec.json.encode(times_ms).decode(),
    }
    if slab is not None:
        parameters |= {"loupe_slab": slab.name, "loupe_slab_byte_size": slab.nbytes}
    document = {"model_name": app, "outputs": encoded.tensors, "parameters": parameters}
    return HttpAnswer(document=document, chunks=encoded.chunks, times_ms=times_ms)
