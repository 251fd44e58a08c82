"""HTTP/1.1 on the server's side: bytes to requests, answers to bytes, one at a time."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httptools
import msgspec

from loupe.contract.runtime.errors import LoupeError
from loupe.engine.errors import QueueFull, RequestRefused, to_wire
from loupe.engine.exchange import HEAD_LENGTH

log = logging.getLogger(__name__)

MAX_HEAD = 16 * 1024
MAX_BODY = 64 * 2**20
"""Larger payloads go through a slab."""
_PIPELINED = 8
_HEAD_LENGTH = HEAD_LENGTH.lower().encode()
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
_REASONS |= {
    401: "Unauthorized",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
}
_REASONS |= {500: "Internal Server Error", 503: "Service Unavailable", 504: "Gateway Timeout"}


@dataclass
class HttpRequest:
    """One request; `body` is JSON with binary data behind its first `head_length` bytes."""

    method: str = ""
    path: str = ""
    body: bytearray = field(default_factory=bytearray)
    head_length: int | None = None
    keep: bool = True
    refused: LoupeError | None = None

    def document(self) -> dict[str, Any]:
        """The JSON object; an empty body is an empty object.

        Raises:
            RequestRefused: the body is not one.
        """
        end = len(self.body) if self.head_length is None else self.head_length
        if end > len(self.body):
            raise RequestRefused(
                f"{HEAD_LENGTH} says {end}, but the body has {len(self.body)} bytes."
            )
        if not end:
            return {}
        try:
            document = msgspec.json.decode(memoryview(self.body)[:end])
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise RequestRefused(f"The body is not JSON: {error}.") from error
        if not isinstance(document, dict):
            raise RequestRefused("The body must be a JSON object.")
        return document

    def binary(self) -> memoryview:
        """The bytes behind the JSON."""
        return memoryview(self.body)[
            len(self.body) if self.head_length is None else self.head_length :
        ]


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """One answer: JSON, with `chunks` of binary data behind it, or just bytes.

    `times_ms` is not sent; it feeds the statistics.
    """

    document: Any = None
    chunks: list[memoryview] = field(default_factory=list)
    status: int = 200
    raw: bytes | None = None
    media_type: str = "application/octet-stream"
    retry_after_s: int = 1
    times_ms: dict[str, float] = field(default_factory=dict)

    def parts(self, keep: bool) -> list[bytes | memoryview]:
        """What goes onto the connection, in order."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Error')}"]
        if self.raw is None:
            body = msgspec.json.encode(self.document)
            lines.append("Content-Type: application/json")
            if self.chunks:
                lines.append(f"{HEAD_LENGTH}: {len(body)}")
        else:
            body = self.raw
            lines.append(f"Content-Type: {self.media_type}")
        if self.status == 503:
            lines.append(f"Retry-After: {self.retry_after_s}")
        if not keep:
            lines.append("Connection: close")
        lines.append(f"Content-Length: {len(body) + sum(map(len, self.chunks))}")
        return ["\r\n".join([*lines, "", ""]).encode() + body, *self.chunks]


class Connection(asyncio.Protocol):
    """One client's connection. It is also the owner of the slabs leased on it."""

    def __init__(
        self,
        answer: Callable[["Connection", HttpRequest], Awaitable[HttpAnswer]],
        opened: Callable[["Connection"], None],
        closed: Callable[["Connection"], None],
    ) -> None:
        self._answer = answer
        self._opened = opened
        self._closed = closed
        self._waiting: deque[HttpRequest] = deque()
        self._current: HttpRequest | None = None
        self._head_bytes = 0
        self._unfinished = 0
        self._in_head = False
        self._broken = False
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._draining = False
        self._parser = httptools.HttpRequestParser(self)

    @property
    def busy(self) -> bool:
        """Whether a request is being answered or waits."""
        return self._task is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Transport callback."""
        self._transport = cast(asyncio.Transport, transport)
        self._opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Transport callback: the client is gone, and so is whatever it still waited for."""
        self._waiting.clear()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        """Transport callback."""
        if self._broken:
            return
        try:
            self._parser.feed_data(data)
            if self._in_head:
                self._unfinished += len(data)
                if self._unfinished > MAX_HEAD:
                    raise ValueError(f"its head is longer than {MAX_HEAD} bytes")
        except httptools.HttpParserUpgrade:
            self._broken = True  # the request itself has been refused
        except (httptools.HttpParserError, UnicodeDecodeError, ValueError) as error:
            self._refuse(f"This is not an HTTP/1.1 request: {error}.")

    def pause_writing(self) -> None:
        """Transport callback."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Transport callback."""
        self._writable.set()

    def drain(self) -> None:
        """Answer what waits, then close; close at once when nothing does."""
        self._draining = True
        if not self.busy:
            self._transport.close()

    def on_message_begin(self) -> None:
        """Parser callback."""
        self._current = HttpRequest()
        self._url = b""
        self._head_bytes = 0
        self._unfinished = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Parser callback."""
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Parser callback."""
        self._count_head(len(name) + len(value) + 4)
        if self._current is None:
            return
        if name.lower() == _HEAD_LENGTH:
            if value.isdigit() and len(value) < 16:
                self._current.head_length = int(value)
            else:
                self._current.refused = RequestRefused(f"{HEAD_LENGTH} must be a number.")

    def on_headers_complete(self) -> None:
        """Parser callback."""
        self._in_head = False
        if self._current is None:
            return
        self._current.method = self._parser.get_method().decode("ascii")
        self._current.path = self._url.decode("ascii")
        self._current.keep = self._parser.should_keep_alive()
        if self._parser.should_upgrade():
            self._current.refused = RequestRefused("This server does not switch protocols.")
            self._current.keep = False

    def on_body(self, body: bytes) -> None:
        """Parser callback."""
        if self._current is None:
            return
        if len(self._current.body) + len(body) > MAX_BODY:
            self._current.refused = RequestRefused(
                f"A body may have {MAX_BODY} bytes; send larger payloads through a slab.",
                code="request_too_large",
            )
            self._current.keep = False
            self._complete()
            self._transport.pause_reading()
            return
        self._current.body += body

    def on_message_complete(self) -> None:
        """Parser callback."""
        self._complete()

    def _count_head(self, nbytes: int) -> None:
        self._head_bytes += nbytes
        if self._head_bytes > MAX_HEAD:
            raise ValueError(f"the head is longer than {MAX_HEAD} bytes")

    def _complete(self) -> None:
        if self._current is None:
            return
        self._waiting.append(self._current)
        self._current = None
        if len(self._waiting) > _PIPELINED:
            self._transport.pause_reading()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def _refuse(self, sentence: str) -> None:
        self._broken = True
        self._current = None
        self._waiting.append(HttpRequest(keep=False, refused=RequestRefused(sentence)))
        self._transport.pause_reading()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Answer what waits, in order."""
        try:
            while self._waiting:
                request = self._waiting.popleft()
                answer = await self._answered(request)
                keep = request.keep and not self._draining
                await self._writable.wait()
                if self._transport.is_closing():
                    return
                self._transport.writelines(answer.parts(keep))
                if not keep:
                    self._transport.close()
                    return
                if not self._waiting:
                    self._transport.resume_reading()
        finally:
            self._task = None

    async def _answered(self, request: HttpRequest) -> HttpAnswer:
        try:
            if request.refused is not None:
                raise request.refused
            return await self._answer(self, request)
        except LoupeError as error:
            status, document = to_wire(error)
            wait_s = math.ceil(error.retry_after_s) if isinstance(error, QueueFull) else 1
            return HttpAnswer(status=status, document=document, retry_after_s=wait_s)
        except Exception:
            # One request fails with a trace in the log; the connection and the engine go on.
            log.exception("%s %s failed", request.method, request.path)
            document = {"error": "The engine failed; its log says why.", "code": "engine_fault"}
            return HttpAnswer(status=500, document={**document, "kind": "EngineFault"})
