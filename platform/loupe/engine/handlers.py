"""Calls that move payloads: inference, live services, sandboxes, and the slabs they lie in."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace

from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.payload import Payload
from loupe.engine import fields, tensors, together
from loupe.engine.core import Engine, without_slabs
from loupe.engine.exchange import (
    DEADLINE,
    LANE,
    MODEL,
    MODEL_OPTIONS,
    MODEL_VERSION,
    REQUEST_ID,
    Inferred,
)
from loupe.engine.housekeeping import Housekeeping
from loupe.engine.http import Connection, HttpAnswer, HttpRequest
from loupe.engine.pieces import Shared
from loupe.engine.replies import BINARY, inferred_answer, parsed_answer, payload_of
from loupe.engine.routes import Routes
from loupe.engine.slabs import Pins, SlabStore
from loupe.engine.statistics import Statistics, model_key
from loupe.engine.work import WorkQueue, within
from loupe.sandbox.pool import Parsed
from loupe.sandbox.slab import Slab

_OWN_PARAMETERS = {
    tensors.META, DEADLINE, LANE, REQUEST_ID, together.ASKED, "binary_data_output",
}  # fmt: skip


class Handlers:
    """Turns HTTP requests into calls of the engine, and its answers back."""

    def __init__(self, engine: Engine, slabs: SlabStore, queue: WorkQueue) -> None:
        self.engine = engine
        self.slabs = slabs
        self.queue = queue
        self.statistics = Statistics()
        queue.calls.record = self._called
        self.housekeeping = Housekeeping(engine, slabs, queue, self.statistics)
        self._routes = routes = Routes()
        self.housekeeping.add_to(routes)
        routes.add("POST", "/v2/models/{name}/versions/{version}/infer", self.infer)
        routes.add("POST", "/v2/loupe/slabs", self.lease)
        routes.add("DELETE", "/v2/loupe/slabs/{name}", self.release)
        routes.add("POST", "/v2/loupe/services/{slug}/apply", self.apply)
        routes.add("POST", "/v2/loupe/services/{slug}/ask", self.ask)
        routes.add("POST", "/v2/loupe/run", self.run)
        routes.add("POST", "/v2/loupe/parse", self.parse)
        routes.add("POST", "/v2/loupe/render", self.render)

    def _called(self, key: Hashable, requests: int, items: int, seconds: float) -> None:
        """Count one call of a runner; `key` is that of `Engine.to_share`."""
        if isinstance(key, tuple):
            self.statistics.executed(model_key(key[0], key[1]), requests, items, seconds)

    def answer(self, connection: Connection, request: HttpRequest) -> Awaitable[HttpAnswer]:
        """Answer one request of a connection."""
        return self._routes.dispatch(connection, request)

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
        lane = fields.lane(parameters, LANE)
        options = {key: parameters[key] for key in parameters if key not in _OWN_PARAMETERS}

        async def work(pins: Pins) -> HttpAnswer:
            payload = payload_of(document, request, pins)
            loading = self.engine.residency.ready(name, number)
            resident = await within(deadline, loading, shared=True)

            def finish(inferred: Inferred, queue_ms: float) -> HttpAnswer:
                return inferred_answer(inferred, {"queue": queue_ms}, document, pins, name, version)

            shared = self.engine.to_share(resident, payload, options, finish)
            return await within(deadline, pins.until(self.queue.share(deadline, shared, lane)))

        return await self._counted(model_key(name, number), work, lane)

    async def apply(self, connection: Connection, request: HttpRequest, slug: str) -> HttpAnswer:
        """One request to a live service."""
        document = request.document()
        parameters = fields.mapping(document, "parameters")
        deadline, lane = fields.deadline(parameters, DEADLINE), fields.lane(parameters, LANE)
        request_id = fields.text(parameters, REQUEST_ID)
        model = fields.text(parameters, MODEL) if MODEL in parameters else None
        version = fields.whole(parameters, MODEL_VERSION) if model is not None else 0
        options = fields.mapping_text(parameters, MODEL_OPTIONS)
        step = self.engine.apps.service_step(slug)

        async def work(pins: Pins) -> HttpAnswer:
            payload = payload_of(document, request, pins)
            # Before the state moves: a model that cannot be had refuses the request whole.
            resident = None
            if model is not None:
                loading = self.engine.residency.ready(model, version)
                resident = await within(deadline, loading, shared=True)
            start = time.perf_counter()
            answer = await within(
                deadline, pins.until(self.engine.apply(slug, request_id, payload, deadline))
            )
            times_ms = {step: (time.perf_counter() - start) * 1e3}
            if resident is None:
                inferred = Inferred(payload=answer, times_ms=times_ms)
                return inferred_answer(inferred, {}, document, pins, slug, "1")

            served = time.perf_counter()

            def finish(inferred: Inferred, queue_ms: float) -> HttpAnswer:
                took_ms = (time.perf_counter() - served) * 1e3 - queue_ms
                both = Inferred(
                    payload=inferred.payload.over(answer),
                    # A runner that names no stages of its own gets the name of its step.
                    times_ms=inferred.times_ms or {self.engine.apps.model_step(slug): took_ms},
                    artefact_sha256=inferred.artefact_sha256,
                )
                times = {**times_ms, "queue": queue_ms}
                return inferred_answer(both, times, document, pins, slug, "1")

            shared = self.engine.to_share(resident, answer, options, finish)
            return await within(deadline, pins.until(self.queue.share(deadline, shared, lane)))

        return await self._counted(f"service {slug}", work, lane)

    async def ask(self, connection: Connection, request: HttpRequest, slug: str) -> HttpAnswer:
        """One question to a live service."""
        document = request.document()
        deadline = fields.deadline(fields.mapping(document, "parameters"), DEADLINE)

        async def work(pins: Pins) -> HttpAnswer:
            start = time.perf_counter()
            payload = payload_of(document, request, pins)
            asked = self.engine.ask(slug, payload, deadline)
            answer = await within(deadline, pins.until(asked))
            times_ms = {"ask": (time.perf_counter() - start) * 1e3}
            inferred = Inferred(payload=answer, times_ms=times_ms)
            return inferred_answer(inferred, {}, document, pins, slug, "1")

        return await self._counted(f"questions {slug}", work)

    async def run(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Parse a file in a sandbox and infer."""
        document = request.document()
        app, model = fields.text(document, "app"), fields.text(document, "model")
        version = fields.whole(document, "version")
        path, options, name = fields.file(document)
        wishes = fields.mapping(document, "request")
        parameters = fields.mapping(document, "parameters")
        deadline, lane = fields.deadline(parameters, DEADLINE), fields.lane(parameters, LANE)

        async def work(pins: Pins) -> HttpAnswer:
            loading = self.engine.residency.ready(model, version)
            resident = await within(deadline, loading, shared=True)

            def run(_: float) -> Shared:
                step, parsed = self.engine.read(
                    resident.device, app, path, options, self.slabs.scratch, deadline, name, lane
                )
                slabs = [] if parsed.slab is None else [parsed.slab]

                def finish(inferred: Inferred, queue_ms: float) -> HttpAnswer:
                    arrays = without_slabs(inferred.payload.arrays, slabs)
                    payload = Payload(arrays=arrays, meta=inferred.payload.meta)
                    times_ms = {"queue": queue_ms, step: parsed.elapsed_ms}
                    return inferred_answer(
                        replace(inferred, payload=payload),
                        times_ms,
                        BINARY,
                        pins,
                        model,
                        str(version),
                    )

                def ended() -> None:
                    for slab in slabs:
                        slab.close()

                try:
                    return self.engine.to_share(resident, parsed.payload, wishes, finish, ended)
                except BaseException:
                    ended()
                    raise

            return await within(deadline, self.queue.submit(deadline, run, lane))

        return await self._counted(model_key(model, version), work, lane)

    async def parse(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Run an app's sandbox step; its arrays lie in a slab leased to this connection."""
        document = request.document()
        app = fields.text(document, "app")
        path, options, name = fields.file(document)
        parameters = fields.mapping(document, "parameters")
        deadline, lane = fields.deadline(parameters, DEADLINE), fields.lane(parameters, LANE)

        async def work(pins: Pins) -> HttpAnswer:
            # The slab belongs to the work until it is known that somebody still waits for it.
            owner = object()

            def lease(nbytes: int) -> Slab:
                return self.slabs.lease(nbytes, owner)

            def parse(queue_ms: float) -> tuple[float, str, Parsed]:
                step, parsed = self.engine.parse(app, path, options, lease, deadline, name, lane)
                return queue_ms, step, parsed

            future = self.queue.submit(deadline, parse, lane)
            try:
                queue_ms, step, parsed = await within(deadline, future)
                if parsed.slab is not None:
                    self.slabs.hand_over(parsed.slab.name, connection)
            finally:
                future.add_done_callback(lambda _: self.slabs.release_owner(owner))
            return parsed_answer(app, parsed, {"queue": queue_ms, step: parsed.elapsed_ms})

        return await self._counted(f"parse {app}", work, lane)

    async def render(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Encoded bytes from an app's function."""
        document = request.document()
        run = fields.text(document, "run")
        path, options, name = fields.file(document)
        parameters = fields.mapping(document, "parameters")
        deadline, lane = fields.deadline(parameters, DEADLINE), fields.lane(parameters, LANE)
        self.engine.apps.check_code(run)

        async def work(pins: Pins) -> HttpAnswer:
            def render(queue_ms: float) -> bytes:
                return self.engine.render(run, path, options, deadline, name, lane)

            return HttpAnswer(raw=await within(deadline, self.queue.submit(deadline, render, lane)))

        return await self._counted(f"render {run}", work, lane)

    async def _counted(
        self,
        key: str,
        work: Callable[[Pins], Awaitable[HttpAnswer]],
        lane: Lane = Lane.INTERACTIVE,
    ) -> HttpAnswer:
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
        elapsed_ms = (time.perf_counter() - start) * 1e3
        # Counted when the answer is on its way.
        asyncio.get_running_loop().call_soon(
            self.statistics.succeeded, key, elapsed_ms, answer.times_ms, lane
        )
        return answer
