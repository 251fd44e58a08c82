"""Rows by stream: ``POST /api/v1/<slug>/<verb>/stream``, answered while they still come.

Rows come as JSON lines or as an Arrow IPC stream and go the way of a batch, piece by piece: each is
journalled, decided and stored before it is answered. One piece is worked on while the next is read
and the last is sent; a caller who does not read is not read from, so memory stays that of three
pieces. A bad row is answered in its place with a code and a sentence, and the others go on.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.http import QueryDict
from django.http.request import split_domain_port, validate_host
from rest_framework.exceptions import NotAuthenticated

from loupe.accounts import keys
from loupe.accounts.policy import Actor
from loupe.api import limits, problems
from loupe.api.authentication import key_in
from loupe.api.body import Receive, Scope, Send, headers_of, send_problem
from loupe.api.errors import RequestRefused
from loupe.api.sync import pieces, streamed
from loupe.api.sync.asked import Asked, asked, permitted
from loupe.api.sync.backstage import ForAsgi
from loupe.api.sync.lookup import context_of
from loupe.api.sync.receiving import arriving
from loupe.api.sync.rows import RowsCall
from loupe.api.sync.streamed import Piece
from loupe.blobs import services as blobs
from loupe.blobs.small import SMALL_BYTES, Small
from loupe.contract.app import DomainApp
from loupe.contract.extras import SyncMode
from loupe.contract.reading import ARROW, NDJSON, EachRow, ReadEach
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.contract.runtime.steps import load
from loupe.monitoring.http import observe
from loupe.monitoring.middleware import request_id
from loupe.plugins import registry

WAITING = 1
"""Pieces that wait for the engine while one is with it."""
Found = tuple[bytes, EachRow | InputRefused]


@dataclass(frozen=True)
class Route:
    """One address of streams."""

    app: type[DomainApp]
    mode: SyncMode


class StreamApplication:
    """ASGI. `takes` says which requests are its own."""

    def __init__(self) -> None:
        self._routes = {
            f"/api/v1/{app.slug}/{app.sync.verb}/stream": Route(app, app.sync)
            for app in registry.installed()
            if app.sync is not None and app.sync.read_each is not None
        }
        self._backstage: ForAsgi | None = None

    def takes(self, scope: Scope) -> bool:
        """Whether this is a stream, to a host of ours."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return False
        if scope["path"] not in self._routes:
            return False
        host, _ = split_domain_port(headers_of(scope).get("host", ""))
        return validate_host(host, settings.ALLOWED_HOSTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = headers_of(scope)
        name = request_id(headers.get("x-request-id"))
        begun: list[int] = []

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.append(message["status"])
            await send(message)

        try:
            await self._answer(scope, headers, receive, told, name)
        except RequestAborted:
            return
        except Exception as error:
            # The outermost border: `problems.of` logs what nobody foresaw.
            if begun:
                return  # the answer is cut short, which its missing end tells
            begun.append(await send_problem(error, scope, send, {"X-Request-Id": name}))
        observe("POST", scope["path"], begun[0], time.perf_counter() - started)

    async def _answer(
        self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send, name: str
    ) -> None:
        route = self._routes[scope["path"]]
        if "authorization" not in headers:
            raise NotAuthenticated("Send an API key: Authorization: Bearer …")
        if self._backstage is None:
            self._backstage = ForAsgi()
        backstage = self._backstage
        raw = key_in(headers["authorization"]) or ""
        key = keys.remembered(raw) or await backstage.do(keys.authenticate, raw)
        actor = Actor(key=key)
        query = QueryDict(scope["query_string"].decode("latin-1"))
        project = permitted(actor, query.get("project"))
        limits.spend(actor)
        call = asked(route.app, route.mode, actor, project, scope["path"], query, headers)
        if call.key is not None:
            raise RequestRefused(
                "A stream takes no Idempotency-Key: rows are known by their own ids, so sending "
                "the stream again changes nothing.",
                code="bad_request",
            )
        sent_as = headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent_as not in (NDJSON, ARROW):
            raise RequestRefused(
                f"Content-Type {sent_as[:60]!r} is not one of {NDJSON}, {ARROW}.",
                code="unsupported_media_type",
            )
        accept = headers.get("accept", "")
        arrow = ARROW in accept or (sent_as == ARROW and NDJSON not in accept)
        form = streamed.writer(route.app, call.left_out, arrow=arrow)
        start = {"type": "http.response.start", "status": 200}
        told = [(b"content-type", form.media_type.encode()), (b"x-request-id", name.encode())]
        sent = False
        async for piece in _pieces(call, sent_as, receive, backstage):
            if not sent:
                await send({**start, "headers": told})
                sent = True
            body = await backstage.do(form.piece, piece)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        if not sent:
            await send({**start, "headers": told})
        await send({"type": "http.response.body", "body": form.end(), "more_body": False})


async def _pieces(
    call: Asked, sent_as: str, receive: Receive, backstage: ForAsgi
) -> AsyncIterator[Piece]:
    """Answered pieces in order. What ends a stream early is its last piece's error.

    Raises:
        LoupeError: the very first piece cannot be cut.
    """
    waiting: asyncio.Queue[Found | Exception | None] = asyncio.Queue(WAITING)

    async def read() -> None:
        try:
            async for found in _read(call, sent_as, receive, backstage):
                await waiting.put(found)
        except Exception as error:  # it belongs to whoever takes the pieces
            await waiting.put(error)
        else:
            await waiting.put(None)

    reading = asyncio.create_task(read())
    first = 0
    try:
        while (found := await waiting.get()) is not None:
            if isinstance(found, Exception):
                if first == 0 or not isinstance(found, LoupeError):
                    raise found
                yield Piece(first=first, broken=(found.code, found.message))
                return
            piece = await _answered(call, sent_as, found, first, backstage)
            yield piece
            first += piece.count
            if piece.broken:
                return
    finally:
        reading.cancel()


async def _read(
    call: Asked, sent_as: str, receive: Receive, backstage: ForAsgi
) -> AsyncIterator[Found]:
    read_each: ReadEach = load(str(call.mode.read_each))
    chunks = arriving(receive)
    cut = pieces.batches(chunks) if sent_as == ARROW else pieces.lines(chunks)
    async for body in cut:
        said = await context_of(call, backstage)
        try:
            yield body, await backstage.do(read_each, body, sent_as, said)
        except InputRefused as error:
            yield body, error
            return


async def _answered(
    call: Asked, sent_as: str, found: Found, first: int, backstage: ForAsgi
) -> Piece:
    body, each = found
    if isinstance(each, InputRefused):
        return Piece(first=first, broken=(each.code, each.message))
    if not each.rows:
        return Piece(first=first, each=each)
    if each.count > call.mode.max_rows:
        words = f"{each.count:,} rows came in one batch; send at most {call.mode.max_rows:,}."
        return Piece(first=first, broken=("too_many_rows", words))
    said = await context_of(call, backstage)
    small = len(body) <= SMALL_BYTES
    kept = Small.of(body) if small else await backstage.do(blobs.write_bytes, body)
    one = RowsCall(call, kept, sent_as, False, backstage, time.perf_counter())
    batch = one.batch(each.payload, len(each.rows), said)
    try:
        stored = await one.applied(batch)
    except LoupeError as error:
        return Piece(first=first, each=each, trouble=(error.code, error.message))
    except Exception as error:  # the rows of this piece have no answer; the others may have one
        problem = problems.of(error)
        return Piece(first=first, each=each, trouble=(problem.code, problem.detail))
    return Piece(first=first, each=each, stored=stored)
