"""The engine's client for asyncio: what `EngineClient` does, without blocking the loop.

Meant for synchronous calls of the web process, whose payloads are small: arrays go over the
socket. Use one client per event loop.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine import exchange
from loupe.engine.errors import DeadlineExceeded, EngineFault, EngineUnavailable, NotFound
from loupe.engine.exchange import Inferred, Request, Response
from loupe.sandbox.slab import Slab

_GRACE_S = 0.25


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way.

    A protocol of its own rather than streams: an answer then reaches its caller in one step of
    the loop.
    """

    def __init__(self) -> None:
        self.usable = True
        self._response: Response | None = None
        self._answered: asyncio.Future[Response] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Transport callback."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Transport callback."""
        response = self._response
        if response is None:
            self.usable = False  # nobody asked
            return
        try:
            response.feed(data)
        except EngineFault as error:
            self._settle(error)
            return
        if response.done:
            self.usable = self.usable and response.keep
            self._settle(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """Transport callback."""
        self.usable = False
        self._settle(ConnectionResetError("The engine closed the connection."))

    def exchange(self, request: Request) -> "asyncio.Future[Response]":
        """Send a request; the future has its answer, or OSError when the connection is dead."""
        answered = asyncio.get_running_loop().create_future()
        self._response, self._answered = Response(), answered
        if self.usable:
            self._transport.writelines(request.parts())
        else:
            self._settle(ConnectionResetError("The engine closed the connection."))
        return answered

    def close(self) -> None:
        """Close; whoever waits is told."""
        self.usable = False
        self._transport.close()

    def _settle(self, outcome: Response | Exception) -> None:
        answered, self._answered, self._response = self._answered, None, None
        if answered is None or answered.done():
            return
        if isinstance(outcome, Response):
            answered.set_result(outcome)
        else:
            self.usable = False
            answered.set_exception(outcome)


class AsyncEngineClient:
    """A client of the engine at `socket`; raises what `EngineClient` raises.

    Args:
        connections: requests that may be under way at once; further callers wait.
        lane: who waits for the answers, where a call does not say otherwise.
    """

    def __init__(
        self,
        socket: Path,
        *,
        connections: int = 32,
        connect_timeout_s: float = 2.0,
        lane: Lane | None = None,
    ) -> None:
        self.socket = Path(socket)
        self.lane = lane
        self._connect_timeout_s = connect_timeout_s
        self._idle: list[_Connection] = []
        self._room = asyncio.Semaphore(connections)

    async def ready(self) -> bool:
        """Whether the engine answers and has warmed up."""
        try:
            await self._document(exchange.READY, 2000)
        except TemporarilyUnavailable:
            return False
        return True

    async def infer(
        self,
        model: str,
        version: int,
        payload: Payload,
        parameters: Mapping[str, JsonValue] | None = None,
        deadline_ms: float | None = None,
    ) -> Inferred:
        """Run a model on a payload."""
        path = exchange.infer_path(model, version)
        request = exchange.with_payload(path, payload, dict(parameters or {}))
        return await self._inferred(request, deadline_ms)

    async def apply(
        self,
        app: str,
        request_id: str,
        payload: Payload,
        deadline_ms: float | None = None,
        *,
        model: exchange.Model | None = None,
        lane: Lane | None = None,
    ) -> Inferred:
        """One request to the live service of `app`; the same id again gets the same answer.

        With `model` that model answers the service's answer, and both are merged, the model's over
        the service's.
        """
        parameters = exchange.of_service(request_id, model)
        request = exchange.with_payload(exchange.service_path(app), payload, parameters)
        return await self._inferred(request, deadline_ms, lane)

    async def ask(self, app: str, payload: Payload, deadline_ms: float | None = None) -> Inferred:
        """One question to the live service of `app`; it changes nothing."""
        request = exchange.with_payload(exchange.service_path(app, "ask"), payload, {})
        return await self._inferred(request, deadline_ms)

    async def run(
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
        lane: Lane | None = None,
    ) -> Inferred:
        """Parse the file in the engine's sandbox, then infer."""
        request = exchange.run(app, model, version, path, options, parameters, name)
        return await self._inferred(request, deadline_ms, lane)

    async def render(
        self,
        run: str,
        path: Path,
        options: Mapping[str, JsonValue] | None = None,
        deadline_ms: float | None = None,
        *,
        name: str | None = None,
    ) -> bytes:
        """Encoded bytes from an app's function ``(path, options) -> bytes``, run in a sandbox."""
        request = exchange.with_urgency(
            exchange.render(run, path, options, name), deadline_ms, self.lane
        )
        return (await self._exchange(request, deadline_ms)).raw()

    async def load(self, model: str, version: int) -> None:
        """Make a version resident now."""
        await self._document(exchange.residency(model, "load", version))

    async def unload(self, model: str, version: int | None = None) -> None:
        """Let go of a version, or of every version of the model."""
        await self._document(exchange.residency(model, "unload", version))

    async def index(self) -> list[dict[str, Any]]:
        """Every artefact in the repository with its state."""
        return list(await self._document(exchange.INDEX))

    async def statistics(self) -> dict[str, Any]:
        """Queue, residents, counts and latencies of this moment."""
        return dict(await self._document(exchange.STATISTICS))

    async def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()

    async def _inferred(
        self, request: Request, deadline_ms: float | None, lane: Lane | None = None
    ) -> Inferred:
        urgent = exchange.with_urgency(request, deadline_ms, lane or self.lane)
        response = await self._exchange(urgent, deadline_ms)
        return exchange.read_inferred(*response.answer(), _no_slab)

    async def _document(self, request: Request, deadline_ms: float | None = None) -> Any:
        return (await self._exchange(request, deadline_ms)).answer()[0]

    async def _exchange(self, request: Request, deadline_ms: float | None) -> Response:
        limit = None if deadline_ms is None else deadline_ms / 1e3 + _GRACE_S
        try:
            async with asyncio.timeout(limit), self._room:
                return await self._twice(request)
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"The engine did not answer within {deadline_ms:g} ms; try again later."
            ) from error

    async def _twice(self, request: Request) -> Response:
        """An idle connection may be dead, as after a restart; a second try gets a new one."""
        for last in (False, True):
            connection = await self._connection()
            answered = False
            try:
                response = await connection.exchange(request)
                answered = True
                return response
            except OSError as error:
                if last:
                    raise EngineUnavailable(
                        f"The engine at {self.socket} went away during the call; try again."
                    ) from error
                await self.close()
            finally:
                # An exchange that was cut short leaves the connection in the middle of an answer.
                if answered and connection.usable:
                    self._idle.append(connection)
                else:
                    connection.close()
        raise AssertionError("unreachable")

    async def _connection(self) -> _Connection:
        if self._idle:
            return self._idle.pop()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                loop = asyncio.get_running_loop()
                _, made = await loop.create_unix_connection(_Connection, str(self.socket))
                return made
        except OSError as error:
            raise EngineUnavailable(
                f"No engine answers at {self.socket}; start it with `manage.py up` or wait for its "
                "restart."
            ) from error


def _no_slab(name: str) -> Slab:
    raise NotFound(f"There is no slab {name!r} on this connection.", code="slab_unknown")
