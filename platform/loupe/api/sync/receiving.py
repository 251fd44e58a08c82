"""Takes in the body of a synchronous call while it arrives: hashed, limited, on disk."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.files.uploadhandler import load_handler
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import MultiValueDict

from loupe.api.body import Receive, too_large
from loupe.api.errors import RequestRefused
from loupe.api.uploads import name_of
from loupe.blobs import spool
from loupe.blobs.small import SMALL_BYTES, Small
from loupe.blobs.writing import CHUNK_BYTES, Writer, Written
from loupe.contract.runtime.errors import LoupeError

VARIABLE = "LOUPE_MAX_UPLOAD_BYTES, or the app's own limit"


def is_form(content_type: str) -> bool:
    """Whether the body is ``multipart/form-data``."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


async def arriving(receive: Receive) -> AsyncIterator[bytes]:
    """The chunks of an ASGI request.

    Raises:
        RequestAborted: the caller went away.
    """
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        chunk = message.get("body", b"")
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def new_writer() -> Writer:
    """A file on the disk of the uploads."""
    return Writer(spool.at(settings.SPOOL).new_file())


async def taken(chunks: AsyncIterator[bytes], limit: int) -> Written:
    """All chunks in one file.

    Raises:
        RequestRefused: they are more than `limit` bytes; nothing stays.
        DiskFull: there is no room.
    """
    with new_writer() as writer:
        async for chunk in chunks:
            if writer.size + len(chunk) > limit:
                raise too_large(limit, VARIABLE)
            writer.write(chunk)
        return writer.finish()


async def taken_whole(chunks: AsyncIterator[bytes], limit: int) -> Written | Small:
    """As `taken`; a small body stays in memory, where it costs no file.

    Raises:
        RequestRefused, DiskFull: as `taken`.
    """
    first: list[bytes] = []
    size = 0
    async for chunk in chunks:
        first.append(chunk)
        size += len(chunk)
        if size > min(limit, SMALL_BYTES):
            return await taken(_after(first, chunks), limit)
    return Small.of(b"".join(first))


async def _after(first: list[bytes], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in first:
        yield chunk
    async for chunk in chunks:
        yield chunk


def read_whole(stream: Any, limit: int) -> Written:
    """A readable stream in one file; as `taken`."""
    with new_writer() as writer:
        while chunk := stream.read(CHUNK_BYTES):
            if writer.size + len(chunk) > limit:
                raise too_large(limit, VARIABLE)
            writer.write(chunk)
        return writer.finish()


def file_of_form(body: Written, content_type: str, limit: int) -> tuple[Written, str, QueryDict]:
    """The one file of a multipart body that was taken in, its name, and the form's other fields.
    Removes `body`.

    Raises:
        MultiPartParserError: the body is no form.
        RequestRefused: it holds none or several files.
    """
    try:
        with body.path.open("rb") as stream:
            meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(body.size)}
            handlers = [load_handler(path, None) for path in settings.FILE_UPLOAD_HANDLERS]
            fields, files = MultiPartParser(meta, stream, handlers).parse()
        try:
            return *only_file(files, limit), fields
        except LoupeError:
            for refused in _each(files):
                refused.close()
            raise
    finally:
        body.path.unlink(missing_ok=True)


@contextmanager
def removing(body: Written) -> Iterator[None]:
    """Remove `body` where what follows fails."""
    try:
        yield
    except BaseException:
        body.path.unlink(missing_ok=True)
        raise


def only_file(files: "MultiValueDict[str, Any]", limit: int) -> tuple[Written, str]:
    """The one file of a parsed form, and its name.

    Raises:
        RequestRefused: there are none or several, or it is larger than `limit` bytes.
    """
    found = list(_each(files))
    if not found:
        raise RequestRefused(
            "No file came: send one as the body or by multipart.", code="body_empty"
        )
    if len(found) > 1:
        raise RequestRefused(
            f"{len(found)} files came, this call takes one: send more to /api/v1/submissions.",
            code="too_many_files",
        )
    written: Written = found[0].written
    if written.size > limit:
        raise too_large(limit, VARIABLE)
    return written, name_of(found[0])


def _each(files: "MultiValueDict[str, Any]") -> Iterator[Any]:
    for _, several in files.lists():
        yield from several


def stored_bytes(body: Written | Small) -> bytes:
    """The content of a file that was taken in."""
    return body.data if isinstance(body, Small) else body.path.read_bytes()


def drop(body: Written | Small) -> None:
    """Remove a body that is not wanted."""
    if not isinstance(body, Small):
        body.path.unlink(missing_ok=True)
