"""Server-sent events of a job's progress.

Each event is the whole truth from the database, so a client that lost some has lost nothing; the
id only tells whether anything changed. Comments keep idle connections alive.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from loupe.api.present import progress_of
from loupe.api.shapes.work import ProgressShape
from loupe.jobs.models import Job
from loupe.jobs.progress import progress

POLL_S = 0.5
HEARTBEAT_S = 10.0
RETRY_MS = 2000
HEARTBEAT = b": still here\n\n"


def event(name: str, number: int, shape: ProgressShape) -> bytes:
    """One event of the stream."""
    return f"event: {name}\nid: {number}\ndata: {shape.model_dump_json()}\n\n".encode()


def _look(job_id: uuid.UUID) -> ProgressShape:
    """The job's progress now."""
    return progress_of(progress(Job.objects.get(pk=job_id)))


def _look_and_let_go(job_id: uuid.UUID) -> ProgressShape:
    """As `_look`, on a thread of the pool; idle threads hold no connection."""
    try:
        return _look(job_id)
    finally:
        connections.close_all()


class Told:
    """What one listener has heard; says what to send next."""

    def __init__(self, last_id: str) -> None:
        self._number = int(last_id) if last_id.isascii() and last_id.isdigit() else 0
        self._last = b""
        self._spoke_at = time.monotonic()

    def next(self, shape: ProgressShape) -> bytes | None:
        """The bytes to send for this state, if any are due."""
        now = time.monotonic()
        line = shape.model_dump_json().encode()
        if line != self._last:
            self._number += 1
            self._last, self._spoke_at = line, now
            sent = event("progress", self._number, shape)
            return sent + event("end", self._number + 1, shape) if shape.ended else sent
        if now - self._spoke_at >= HEARTBEAT_S:
            self._spoke_at = now
            return HEARTBEAT
        return None


def _opening() -> bytes:
    return f"retry: {RETRY_MS}\n\n".encode()


async def _async(
    job_id: uuid.UUID, told: Told, look: Callable[[uuid.UUID], ProgressShape]
) -> AsyncIterator[bytes]:
    yield _opening()
    while True:
        shape = await sync_to_async(look, thread_sensitive=False)(job_id)
        chunk = told.next(shape)
        if chunk is not None:
            yield chunk
        if shape.ended:
            return
        await asyncio.sleep(POLL_S)


def _sync(job_id: uuid.UUID, told: Told) -> Iterator[bytes]:
    yield _opening()
    while True:
        shape = _look(job_id)
        chunk = told.next(shape)
        if chunk is not None:
            yield chunk
        if shape.ended:
            return
        time.sleep(POLL_S)


def stream(request: Request, job: Job) -> StreamingHttpResponse:
    """The job's progress until it ends, as ``text/event-stream``."""
    told = Told(request.headers.get("Last-Event-ID", "")[:18])
    body: AsyncIterator[bytes] | Iterator[bytes] = (
        _async(job.pk, told, _look_and_let_go)
        if isinstance(request._request, ASGIRequest)
        else _sync(job.pk, told)
    )
    response = StreamingHttpResponse(body, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response
