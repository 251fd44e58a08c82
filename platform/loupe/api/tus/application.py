"""Parts of resumable uploads, written to the disk while they arrive.

Everything else of the protocol (making, looking, deleting) is quick and goes through Django:
`loupe.api.views.uploads`, whose PATCH does the same as this for callers without ASGI.
"""

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.db import close_old_connections
from django.http.request import split_domain_port, validate_host

from loupe.accounts.policy import Actor
from loupe.api import limits
from loupe.api.body import Receive, Scope, Send, headers_of, send_problem
from loupe.api.errors import RequestRefused
from loupe.api.tus import headers as tus
from loupe.api.tus.asked import Asked, asked
from loupe.api.tus.people import actor_behind
from loupe.monitoring.http import observe
from loupe.monitoring.middleware import request_id
from loupe.uploads import services
from loupe.uploads.models import Upload
from loupe.uploads.parts import Part

Given = ParamSpec("Given")
Got = TypeVar("Got")

ROUTE = "/api/v1/uploads/{upload_id}"
_ADDRESS = re.compile(r"/api/v1/uploads/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_THREADS = 4
WRITE_BYTES = 2**20
"""What is gathered before it goes to the disk: a part's memory, whatever its size."""
SILENCE_S = 60.0
"""A sender that says nothing for so long is taken for gone; what came stays."""


def overridden(scope: Scope) -> Scope:
    """The request as meant: tus lets clients behind old proxies name the method in a header."""
    if scope["type"] == "http" and scope["path"].startswith("/api/v1/uploads"):
        meant = headers_of(scope).get("x-http-method-override", "").upper()
        if meant in {"HEAD", "PATCH", "DELETE"}:
            return {**scope, "method": meant}
    return scope


class TusApplication:
    """ASGI. `takes` says which requests are its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tus")
        self._reading: dict[UUID, asyncio.Task[Upload]] = {}

    def takes(self, scope: Scope) -> bool:
        """Whether this is a part of an upload, sent to a host of ours."""
        if scope["type"] != "http" or scope["method"] != "PATCH":
            return False
        host, _ = split_domain_port(headers_of(scope).get("host", ""))
        return bool(_ADDRESS.fullmatch(scope["path"])) and validate_host(
            host, settings.ALLOWED_HOSTS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        name = request_id(headers_of(scope).get("x-request-id"))
        try:
            upload = await self._take(scope, receive)
        except RequestAborted:
            return
        except Exception as error:
            # The outermost border: `problems.of` logs what nobody foresaw.
            extra = {"X-Request-Id": name, "Tus-Resumable": tus.VERSION}
            status = await send_problem(error, scope, send, extra)
        else:
            status = 204
            kept = {**tus.state(upload), "X-Request-Id": name, "X-Content-Type-Options": "nosniff"}
            pairs = [(key.lower().encode(), value.encode()) for key, value in kept.items()]
            await send({"type": "http.response.start", "status": status, "headers": pairs})
            await send({"type": "http.response.body", "body": b""})
        observe("PATCH", ROUTE, status, time.perf_counter() - started)

    async def _take(self, scope: Scope, receive: Receive) -> Upload:
        """The part, from the sender's name to its last byte."""
        actor = await self._do(actor_behind, scope)
        limits.spend(actor)
        part = asked(headers_of(scope))
        found = _ADDRESS.fullmatch(scope["path"])
        upload_id = UUID(found[1] if found else "")
        await self._interrupt(upload_id)
        task = asyncio.create_task(self._read(actor, upload_id, part, receive))
        self._reading[upload_id] = task
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            raise RequestRefused(
                "The same upload was taken up again by another request: look how far it is.",
                code="upload_busy",
            ) from None
        finally:
            if self._reading.get(upload_id) is task:
                del self._reading[upload_id]

    async def _interrupt(self, upload_id: UUID) -> None:
        """End an older request for the same upload: its sender is back, by another connection."""
        older = self._reading.get(upload_id)
        if older is not None:
            older.cancel()
            await asyncio.wait([older])

    async def _read(self, actor: Actor, upload_id: UUID, asked: Asked, receive: Receive) -> Upload:
        part = await self._open(actor, upload_id, asked)
        waiting = bytearray()
        try:
            while True:
                message = await asyncio.wait_for(receive(), SILENCE_S)
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                waiting += message.get("body", b"")
                last = not message.get("more_body", False)
                if len(waiting) >= WRITE_BYTES or (last and waiting):
                    piece, waiting = bytes(waiting), bytearray()
                    await self._do(part.write, piece)
                if last:
                    return await self._do(_finished, part)
        except TimeoutError as error:
            await self._do(_given_up, part, bytes(waiting), error)
            raise RequestRefused(
                f"Nothing came for {SILENCE_S:.0f} s. What came is kept: look how far it is, and "
                "go on from there.",
                code="body_incomplete",
            ) from error
        except BaseException as error:
            await self._do(_given_up, part, bytes(waiting), error)
            raise

    async def _open(self, actor: Actor, upload_id: UUID, asked: Asked) -> Part:
        part = await self._do(_located, actor, upload_id, asked)
        try:
            return await self._do(part.__enter__)
        except BaseException as error:
            # Called off while it was being opened: closed again. Refused: nothing to close.
            await self._do(part.__exit__, type(error), error, None)
            raise

    async def _do(
        self, work: Callable[Given, Got], *args: Given.args, **kwargs: Given.kwargs
    ) -> Got:
        """Run blocking `work` and wait for it, also when this request is called off meanwhile:
        what touches the file must have ended before the next request takes it."""

        def called() -> Got:
            close_old_connections()
            return work(*args, **kwargs)

        running = asyncio.get_running_loop().run_in_executor(self._threads, called)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise


def _located(actor: Actor, upload_id: UUID, asked: Asked) -> Part:
    return Part(services.find(actor, upload_id), asked.offset, asked.checksum)


def _finished(part: Part) -> Upload:
    upload = part.finish()
    part.__exit__(None, None, None)
    return upload


def _given_up(part: Part, rest: bytes, error: BaseException) -> None:
    """Write what was gathered where it may count, and close."""
    try:
        if rest and isinstance(error, RequestAborted | TimeoutError | asyncio.CancelledError):
            part.write(rest)
    finally:
        part.__exit__(type(error), error, None)
