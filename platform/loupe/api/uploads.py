"""Files of a request: several by multipart, or one as the raw body."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from django.conf import settings
from django.utils.datastructures import MultiValueDict
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.request import Request

from loupe.api.answers import parameter
from loupe.api.errors import RequestRefused
from loupe.api.problems import refuse_field
from loupe.blobs import spool
from loupe.blobs.writing import CHUNK_BYTES, Writer, Written
from loupe.contract.app import DomainApp
from loupe.intake.sources import Source
from loupe.plugins import registry as apps


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


def sources(request: Request, waiting: Sequence[Source] = ()) -> list[Source]:
    """The files of the request, in the order they came, before those `waiting` from before.

    Raises:
        RequestRefused: there is none.
    """
    data = request.data
    if isinstance(data, Written):
        if data.size == 0 and not waiting:
            raise _nothing()
        if data.size == 0:
            data.path.unlink(missing_ok=True)
            return list(waiting)
        return [Source.spooled(file_name(request), data), *waiting]
    found = [
        Source.spooled(name_of(file), file.written)
        for _, several in request.FILES.lists()
        for file in several
    ]
    if not found and not waiting:
        raise _nothing()
    return [*found, *waiting]


def uploads_named(request: Request) -> list[uuid.UUID]:
    """The resumable uploads a request is about: ``upload`` as query parameters or fields of the
    form, each as often as wanted.

    Raises:
        RequestRefused: one is no id.
    """
    form = request.data
    sent = form.getlist("upload") if isinstance(form, MultiValueDict) else []
    found = []
    for value in (*request.query_params.getlist("upload"), *sent):
        try:
            found.append(uuid.UUID(str(value)))
        except ValueError as error:
            raise refuse_field(
                "upload", f"upload={str(value)[:60]!r} is no upload's id: see POST /uploads."
            ) from error
    return found


def named(request: Request, name: str) -> str:
    """What the sender says `name` is: a query parameter, or a text field of a multipart form;
    empty where neither was sent.

    Raises:
        RequestRefused: it was said twice, differently, or is no short text.
    """
    asked = parameter(request, name)
    form = request.data
    sent = form.getlist(name) if isinstance(form, MultiValueDict) else []
    if any(not isinstance(value, str) for value in sent):
        raise refuse_field(name, f"{name} came as a file: send it as a text field of the form.")
    values = {value for value in (asked, *sent) if value}
    if len(values) > 1:
        shown = " and ".join(repr(value[:80]) for value in sorted(values))
        raise refuse_field(
            name,
            f"{name} was given more than once and differently: {shown}. Give it once, as a query "
            "parameter or as a field of the form.",
        )
    value = values.pop() if values else ""
    if "\x00" in value or len(value) > 255:
        raise refuse_field(name, f"{name} is too long or holds the character U+0000.")
    return value


def app_named(request: Request) -> type[DomainApp]:
    """The app the files are for.

    Raises:
        RequestRefused: none was named.
        UnknownApp: there is no such app.
    """
    slug = named(request, "app")
    if not slug:
        known = ", ".join(each.slug for each in apps.installed()) or "none"
        raise refuse_field(
            "app",
            f"No app was named. Installed are: {known}. Name one by the query parameter 'app' "
            "(…?app=NAME) or by a field of the form (-F app=NAME).",
        )
    return apps.get(slug)


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
