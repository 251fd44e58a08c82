"""The engine's client for asyncio: what `EngineClient` does, without blocking the loop.

Meant for synchronous calls of the web process, whose payloads are small: arrays go over the
socket. Use one client per event loop.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine import exchange
from loupe.engine.errors import DeadlineExceeded, EngineUnavailable, NotFound
from loupe.engine.exchange import Inferred, Request, Response
from loupe.sandbox.slab import Slab

_GRACE_S = 0.25
_READ = 256 * 1024


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.usable = True

    async def exchange(self, request: Request) -> Response:
        response = Response()
        self.writer.writelines(request.parts())
        await self.writer.drain()
        while not response.done:
            data = await self.reader.read(_READ)
            if not data:
                raise ConnectionResetError("The engine closed the connection.")
            response.feed(data)
        self.usable = response.keep
        return response


class AsyncEngineClient:
    """A client of the engine at `socket`; raises what `EngineClient` raises.

    Args:
        connections: requests that may be under way at once; further callers wait.
    """

    def __init__(
        self, socket: Path, *, connections: int = 32, connect_timeout_s: float = 2.0
    ) -> None:
        self.socket = Path(socket)
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
        self, app: str, request_id: str, payload: Payload, deadline_ms: float | None = None
    ) -> Inferred:
        """One request to the live service of `app`; the same id again gets the same answer."""
        parameters: dict[str, JsonValue] = {exchange.REQUEST_ID: request_id}
        request = exchange.with_payload(exchange.service_path(app), payload, parameters)
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
    ) -> Inferred:
        """Parse the file in the engine's sandbox, then infer."""
        request = exchange.run(app, model, version, path, options, parameters, name)
        return await self._inferred(request, deadline_ms)

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
        request = exchange.with_deadline(exchange.render(run, path, options, name), deadline_ms)
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
            writer = self._idle.pop().writer
            writer.close()

    async def _inferred(self, request: Request, deadline_ms: float | None) -> Inferred:
        response = await self._exchange(exchange.with_deadline(request, deadline_ms), deadline_ms)
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
                    connection.writer.close()
        raise AssertionError("unreachable")

    async def _connection(self) -> _Connection:
        if self._idle:
            return self._idle.pop()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return _Connection(
                    *await asyncio.open_unix_connection(str(self.socket), limit=2**20)
                )
        except OSError as error:
            raise EngineUnavailable(
                f"No engine answers at {self.socket}; start it with `manage.py up` or wait for its "
                "restart."
            ) from error


def _no_slab(name: str) -> Slab:
    raise NotFound(f"There is no slab {name!r} on this connection.", code="slab_unknown")
