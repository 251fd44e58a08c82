"""The headers of the tus protocol, version 1.0.0, with its extensions creation, termination,
checksum and expiration (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
from collections.abc import Mapping

from django.conf import settings
from django.utils.http import http_date

from loupe.api.errors import RequestRefused
from loupe.uploads.checksums import ALGORITHMS
from loupe.uploads.models import Upload

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
PART = "application/offset+octet-stream"
_LONGEST_METADATA = 8192


def discovery() -> dict[str, str]:
    """What OPTIONS answers."""
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.MAX_RESUMABLE_BYTES),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def state(upload: Upload) -> dict[str, str]:
    """Where an upload is: for the answers to HEAD, PATCH and POST."""
    return {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.length),
        "Upload-Expires": http_date(upload.expires_at.timestamp()),
        "Cache-Control": "no-store",
    }


def require_version(headers: Mapping[str, str]) -> None:
    """Refuse a caller of another version.

    Raises:
        RequestRefused: 412, with the version that is spoken here.
    """
    given = headers.get("tus-resumable")
    if given != VERSION:
        raise RequestRefused(
            f"Tus-Resumable is {given!r}: send 'Tus-Resumable: {VERSION}'.",
            code="tus_version",
            headers={"Tus-Version": VERSION},
        )


def whole(headers: Mapping[str, str], name: str) -> int:
    """The whole number of bytes in the header `name` (lower case).

    Raises:
        RequestRefused: it is missing or no such number.
    """
    raw = headers.get(name, "")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        raise RequestRefused(f"The header {name} is {raw[:30]!r}: send a whole number of bytes.")
    return int(raw)


def metadata(header: str) -> dict[str, str]:
    """The pairs of ``Upload-Metadata``: ``name <base64>, other <base64>``; a value may be missing.

    Raises:
        RequestRefused: malformed, too long, a name twice, or text the database cannot keep.
    """
    if len(header) > _LONGEST_METADATA:
        raise RequestRefused(f"Upload-Metadata has more than {_LONGEST_METADATA} characters.")
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, encoded = pair.partition(" ")
        if key in found:
            raise RequestRefused(f"Upload-Metadata names {key[:60]!r} twice: name it once.")
        try:
            value = base64.b64decode(encoded.strip().encode("ascii"), validate=True).decode()
        except (binascii.Error, UnicodeError) as error:
            raise RequestRefused(
                f"Upload-Metadata {key[:60]!r} is no base64 of UTF-8 text."
            ) from error
        if "\x00" in value or not key.isprintable():
            raise RequestRefused(f"Upload-Metadata {key[:60]!r} holds the character U+0000.")
        found[key] = value
    return found
