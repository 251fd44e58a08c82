"""Files of a request: several by multipart, or one as the raw body."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from django.conf import settings
from django.utils.datastructures import MultiValueDict
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.request import Request

from loupe.api.errors import RequestRefused
from loupe.blobs import spool
from loupe.blobs.writing import CHUNK_BYTES, Writer, Written
from loupe.intake.sources import Source


class RawBody(BaseParser):
    """The body itself is the file, whatever its content type says; content is sniffed later."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        with Writer(spool.at(settings.SPOOL).new_file()) as writer:
            while chunk := stream.read(CHUNK_BYTES):
                if writer.size + len(chunk) > settings.MAX_UPLOAD_BYTES:
                    raise RequestRefused(
                        f"The body is larger than {settings.MAX_UPLOAD_BYTES:,} bytes "
                        "(LOUPE_MAX_UPLOAD_BYTES): send less at a time.",
                        code="too_large",
                    )
                writer.write(chunk)
            return DataAndFiles(writer.finish(), MultiValueDict())


def file_name(request: Request) -> str:
    """What the sender calls a raw body: the query parameter or header ``filename``."""
    named = request.query_params.get("filename") or request.headers.get("Filename") or ""
    if "\x00" in named or len(named) > 500:
        raise RequestRefused("filename is too long, or holds the character U+0000.")
    return named or "upload"


def sources(request: Request) -> list[Source]:
    """The files of the request, in the order they came.

    Raises:
        RequestRefused: there is none.
    """
    data = request.data
    if isinstance(data, Written):
        if data.size == 0:
            raise _nothing()
        return [Source.spooled(file_name(request), data)]
    found = [
        Source.spooled(name_of(file), file.written)
        for _, several in request.FILES.lists()
        for file in several
    ]
    if not found:
        raise _nothing()
    return found


@contextmanager
def discarding(found: list[Source]) -> Iterator[list[Source]]:
    """Remove what is left of the files in the spool at the end; stored ones were moved away."""
    try:
        yield found
    finally:
        for source in found:
            if source.written is not None:
                source.path.unlink(missing_ok=True)


def name_of(file: Any) -> str:
    """The path a browser or client gave a file; folders keep their structure."""
    return str(getattr(file, "sent_name", None) or file.name or "upload")


def _nothing() -> RequestRefused:
    return RequestRefused(
        "No file came: send multipart/form-data with one or more files, or one file as the body.",
        code="body_empty",
    )
