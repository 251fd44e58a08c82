"""A long answer piece by piece, under ASGI and WSGI alike; it never sits in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


def download(
    request: HttpRequest, chunks: Iterator[bytes], media_type: str, name: str
) -> StreamingHttpResponse:
    """`chunks` as they are made, to be saved as `name`; closed where the caller goes away."""
    body: AsyncIterator[bytes] | Iterator[bytes] = (
        _async(chunks) if isinstance(request, ASGIRequest) else chunks
    )
    response = StreamingHttpResponse(body, content_type=media_type)
    last = quote(name.rpartition("/")[2] or "download", safe="")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{last}"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response


async def _async(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    try:
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            yield chunk
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            await asyncio.to_thread(close)
