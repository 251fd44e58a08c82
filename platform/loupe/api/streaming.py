"""Files as answers that never sit in memory, under ASGI and WSGI alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO
from urllib.parse import quote

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from rest_framework.request import Request

CHUNK_BYTES = 2**17


async def _async(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        file.close()


def _sync(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def streamed_file(
    request: Request, file: BinaryIO, media_type: str, name: str, size: int
) -> StreamingHttpResponse:
    """`file` from its position on, `size` bytes, to be saved as `name`; closes it at the end.

    Bytes people sent are never shown in place by a browser: they come as a download, sandboxed.
    """
    body: AsyncIterator[bytes] | Iterator[bytes] = (
        _async(file) if isinstance(request._request, ASGIRequest) else _sync(file)
    )
    response = StreamingHttpResponse(body, content_type=media_type)
    last = quote(name.rpartition("/")[2] or "download", safe="")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{last}"
    response["Content-Length"] = str(size)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-cache"
    return response
