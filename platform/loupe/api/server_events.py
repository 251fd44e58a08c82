"""Server-sent events of anything that changes in the database.

A *turn* looks at the database once and says what to send. Comments keep idle connections alive.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import StreamingHttpResponse
from pydantic import BaseModel
from rest_framework.request import Request

POLL_S = 0.5
HEARTBEAT_S = 10.0
RETRY_MS = 2000
HEARTBEAT = b": still here\n\n"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one look at the database came to: bytes to send, perhaps none, and whether it was the
    last."""

    chunk: bytes = b""
    ended: bool = False


Look = Callable[[], Turn]


def event(name: str, number: int, shape: BaseModel) -> bytes:
    """One event of a stream."""
    return f"event: {name}\nid: {number}\ndata: {shape.model_dump_json()}\n\n".encode()


def last_event_id(request: Request) -> int:
    """The number a client that reconnects has seen last; 0 for a new one."""
    last = request.headers.get("Last-Event-ID", "")[:18]
    return int(last) if last.isascii() and last.isdigit() else 0


class _Pulse:
    """Says when a silent stream needs a comment."""

    def __init__(self) -> None:
        self._spoke_at = time.monotonic()

    def of(self, turn: Turn) -> bytes:
        now = time.monotonic()
        if turn.chunk:
            self._spoke_at = now
            return turn.chunk
        if now - self._spoke_at >= HEARTBEAT_S:
            self._spoke_at = now
            return HEARTBEAT
        return b""


def _opening() -> bytes:
    return f"retry: {RETRY_MS}\n\n".encode()


async def _async(look: Look) -> AsyncIterator[bytes]:
    def look_and_let_go() -> Turn:
        # On a thread of the pool; idle threads hold no connection.
        try:
            return look()
        finally:
            connections.close_all()

    yield _opening()
    pulse = _Pulse()
    while True:
        turn = await sync_to_async(look_and_let_go, thread_sensitive=False)()
        if chunk := pulse.of(turn):
            yield chunk
        if turn.ended:
            return
        await asyncio.sleep(POLL_S)


def _sync(look: Look) -> Iterator[bytes]:
    yield _opening()
    pulse = _Pulse()
    while True:
        turn = look()
        if chunk := pulse.of(turn):
            yield chunk
        if turn.ended:
            return
        time.sleep(POLL_S)


def stream(request: Request, look: Look) -> StreamingHttpResponse:
    """What `look` says until it says that it was the last, as ``text/event-stream``."""
    body: AsyncIterator[bytes] | Iterator[bytes] = (
        _async(look) if isinstance(request._request, ASGIRequest) else _sync(look)
    )
    response = StreamingHttpResponse(body, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response
