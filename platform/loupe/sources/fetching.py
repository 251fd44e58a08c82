"""One GET of a source: a checked address, bounded in time and size, no redirects, no database."""

import http.client
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from loupe.blobs import spool
from loupe.blobs.writing import Writer, Written
from loupe.outbound import addresses
from loupe.outbound.addresses import Target
from loupe.outbound.errors import AddressRefused
from loupe.outbound.pinned import Pinned, at_most
from loupe.sources import mjpeg
from loupe.sources.credentials import authorization
from loupe.sources.errors import SourceAddressRefused, SourceFailed

TOTAL_S = 20.0
SILENT_S = 3.0
"""How long a source may keep silent: before it takes the connection, and between any two bytes. One
that is switched off, or hangs, costs a worker no more than that."""
_PIECE = 2**16


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for; `etag` and `last_modified` are those of the last picture."""

    url: str
    username: str = ""
    password: str = ""
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file that came. None as `written`: the source says that nothing changed."""

    written: Written | None
    etag: str
    last_modified: str
    content_type: str
    elapsed_ms: float


def target_of(url: str) -> Target:
    """Check the address of a source.

    Raises:
        SourceAddressRefused: malformed, unknown, or not allowed by LOUPE_SOURCE_ALLOW.
    """
    try:
        return addresses.resolve(url, settings.SOURCE_ALLOW, "LOUPE_SOURCE_ALLOW")
    except AddressRefused as error:
        raise SourceAddressRefused(error.message) from error


def fetch(wanted: Wanted) -> Fetched:
    """Ask the source once. The file lies in the spool; whoever takes it moves or removes it.

    Raises:
        SourceAddressRefused: the address may not be reached.
        SourceFailed: no connection, another status than 200 or 304, too slow, too large, empty.
        DiskFull: there is no room.
    """
    start = time.perf_counter()
    target = target_of(wanted.url)
    try:
        found = _asked(target, wanted, None)
    except ssl.SSLError as error:
        raise SourceFailed(
            _("The TLS connection failed: %(why)s.") % {"why": error.reason or error}
        ) from error
    except TimeoutError as error:
        slow = time.perf_counter() - start >= TOTAL_S
        raise SourceFailed(
            _("The source did not answer within %(seconds)s s.")
            % {"seconds": f"{TOTAL_S if slow else SILENT_S:g}"}
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise SourceFailed(
            _("The source cannot be reached: %(why)s.")
            % {"why": str(error) or type(error).__name__}
        ) from error
    elapsed_ms = (time.perf_counter() - start) * 1e3
    written, etag, last_modified, content_type = found
    return Fetched(
        written=written,
        etag=etag,
        last_modified=last_modified,
        content_type=content_type,
        elapsed_ms=elapsed_ms,
    )


def _asked(
    target: Target, wanted: Wanted, credentials: str | None
) -> tuple[Written | None, str, str, str]:
    connection = Pinned(target, SILENT_S)
    try:
        connection.connect()
        with at_most(TOTAL_S, connection):
            connection.request(
                "GET", target.path, headers=_headers(connection, wanted, credentials)
            )
            answer = connection.getresponse()
            if answer.status == 401 and wanted.username and credentials is None:
                proof = authorization(
                    answer.headers.get_all("WWW-Authenticate", []),
                    wanted.username,
                    wanted.password,
                    "GET",
                    target.path,
                )
                if proof is not None:
                    connection.close()
                    return _asked(target, wanted, proof)
            if answer.status == 304:
                return None, wanted.etag, wanted.last_modified, ""
            if answer.status != 200:
                raise SourceFailed(_words(answer.status))
            kind = answer.headers.get("Content-Type", "")
            written = _written(_body(answer, kind))
            return (
                written,
                answer.headers.get("ETag", "")[:300],
                answer.headers.get("Last-Modified", "")[:100],
                kind.partition(";")[0].strip()[:100],
            )
    finally:
        connection.close()


def _headers(connection: Pinned, wanted: Wanted, credentials: str | None) -> dict[str, str]:
    found = {
        "Host": connection.host_header,
        "User-Agent": "Loupe-Source/1",
        "Accept": "*/*",
        "Connection": "close",
    }
    if wanted.etag:
        found["If-None-Match"] = wanted.etag
    if wanted.last_modified:
        found["If-Modified-Since"] = wanted.last_modified
    if credentials is not None:
        found["Authorization"] = credentials
    return found


def _words(status: int) -> str:
    if status in {401, 403}:
        return _("The source answered %(status)s: check user and password.") % {"status": status}
    if 300 <= status < 400:
        return _("The source answered %(status)s; redirects are not followed.") % {"status": status}
    return _("The source answered %(status)s.") % {"status": status}


def _body(answer: http.client.HTTPResponse, content_type: str) -> Iterator[bytes]:
    boundary = mjpeg.boundary_of(content_type)
    if boundary is not None:
        yield from mjpeg.first_part(answer, boundary)
        return
    announced = answer.length
    got = 0
    while piece := answer.read(_PIECE):
        got += len(piece)
        yield piece
    if announced is not None and got < announced:
        raise SourceFailed(_("The answer broke off in the middle."))


def _written(pieces: Iterator[bytes]) -> Written:
    with Writer(spool.at(settings.SPOOL).new_file()) as writer:
        for piece in pieces:
            if writer.size + len(piece) > settings.SOURCE_BYTES:
                raise SourceFailed(
                    _("The source sent more than %(most)s bytes (LOUPE_SOURCE_BYTES).")
                    % {"most": f"{settings.SOURCE_BYTES:,}"}
                )
            writer.write(piece)
        if writer.size == 0:
            raise SourceFailed(_("The source answered without a picture."))
        return writer.finish()
