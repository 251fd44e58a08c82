"""Django under ASGI, with bodies that are limited while they arrive.

Stock Django takes a body of any size in before anybody looks at it. Here a body beyond
LOUPE_MAX_UPLOAD_BYTES is refused at once by its announced length, or at the byte that is too
many, and large bodies of strangers are not read at all.
"""

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from rest_framework.exceptions import NotAuthenticated

from loupe.accounts import keys
from loupe.api import problems
from loupe.api.authentication import key_in
from loupe.api.errors import RequestRefused
from loupe.blobs import room, spool
from loupe.contract.runtime.errors import LoupeError

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]

Body: TypeAlias = tempfile.SpooledTemporaryFile[bytes]

STRANGERS_BYTES = 2**16
"""A body up to this size is read before the sender is known."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Header names in lower case; of repeated ones the last."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


def announced(headers: dict[str, str]) -> int | None:
    """The body's length as announced; None for a chunked one.

    Raises:
        RequestRefused: the number is no number.
    """
    raw = headers.get("content-length")
    if raw is None:
        return None
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        raise RequestRefused(f"Content-Length {raw[:30]!r} is no number.", code="bad_request")
    return int(raw)


def too_large(limit: int, variable: str) -> RequestRefused:
    """The refusal of a body beyond `limit` bytes."""
    return RequestRefused(
        f"The body is larger than {limit:,} bytes ({variable}): send less at a time.",
        code="too_large",
    )


async def send_problem(
    error: Exception, scope: Scope, send: Send, extra: Mapping[str, str] | None = None
) -> int:
    """Answer with the problem document of `error`; returns the status.

    The connection is closed, because the body may not have been read.
    """
    problem = problems.of(error)
    body = problem.body(scope["path"])
    headers = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *(
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in problem.headers.items()
        ),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return problem.status


class LimitedHandler(ASGIHandler):
    """Django, which never sees a body that is too large or comes from nobody."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = headers_of(scope)
            await self._admit(headers, announced(headers))
            body = await self._spooled(receive)
        except RequestAborted:
            return
        except (LoupeError, OSError, NotAuthenticated) as error:
            await send_problem(error, scope, send)
            return
        body.seek(0, 2)
        size = str(body.tell()).encode()
        body.seek(0)
        kept = [pair for pair in scope["headers"] if pair[0].lower() != b"content-length"]
        # A chunked body has a length now, without which its parsers would think it empty.
        known = {**scope, "headers": [*kept, (b"content-length", size)]}
        await super().handle(known, _whole(body, receive), send)

    async def read_body(self, receive: Receive) -> Body:
        message = await receive()
        found: Body = message["body"]
        return found

    async def _admit(self, headers: dict[str, str], length: int | None) -> None:
        """Look at a large body's sender before its first byte."""
        chunked = length is None and "transfer-encoding" in headers
        if not chunked and (length or 0) <= STRANGERS_BYTES:
            return
        if length is not None and length > settings.MAX_UPLOAD_BYTES:
            raise too_large(settings.MAX_UPLOAD_BYTES, "LOUPE_MAX_UPLOAD_BYTES")
        raw = key_in(headers.get("authorization", ""))
        if raw is not None:
            if keys.remembered(raw) is None:
                await sync_to_async(keys.authenticate)(raw)
        elif f"{settings.SESSION_COOKIE_NAME}=" not in headers.get("cookie", ""):
            raise NotAuthenticated("Send an API key, or sign in, before sending a large body.")
        spool.make_private(Path(settings.SCRATCH))
        room.require(Path(settings.SCRATCH), length or 0)

    async def _spooled(self, receive: Receive) -> Body:
        """The body, in memory while it is small, in the scratch folder from then on."""
        limit = settings.MAX_UPLOAD_BYTES
        file = tempfile.SpooledTemporaryFile(  # noqa: SIM115  (the request closes it)
            max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE, dir=str(settings.SCRATCH)
        )
        try:
            until_check = room.CHECK_EVERY_BYTES
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                chunk = message.get("body", b"")
                if file.tell() + len(chunk) > limit:
                    raise too_large(limit, "LOUPE_MAX_UPLOAD_BYTES")
                until_check -= len(chunk)
                if until_check < 0:
                    spool.make_private(Path(settings.SCRATCH))
                    room.require(Path(settings.SCRATCH), len(chunk))
                    until_check = room.CHECK_EVERY_BYTES
                if file.tell() + len(chunk) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
                    spool.make_private(Path(settings.SCRATCH))
                file.write(chunk)
                if not message.get("more_body", False):
                    return file
        except BaseException:
            file.close()
            raise


def _whole(body: Body, receive: Receive) -> Receive:
    """A `receive` whose first message is the finished body."""
    handed_over = False

    async def next_message() -> Mapping[str, Any]:
        nonlocal handed_over
        if handed_over:
            return await receive()
        handed_over = True
        return {"type": "http.request", "body": body}

    return next_message
