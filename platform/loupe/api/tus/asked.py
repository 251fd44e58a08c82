"""What a PATCH says in its headers."""

from collections.abc import Mapping
from dataclasses import dataclass

from loupe.api.errors import RequestRefused
from loupe.api.tus import headers as tus
from loupe.uploads import checksums
from loupe.uploads.checksums import Checksum


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Where a part belongs, and what it hashes to if that was said."""

    offset: int
    checksum: Checksum | None


def asked(headers: Mapping[str, str]) -> Asked:
    """Read the headers (names in lower case) of a part.

    Raises:
        RequestRefused: another version, another content type, or no offset.
        ChecksumUnknown: the checksum is malformed or of a method that is not offered.
    """
    tus.require_version(headers)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != tus.PART:
        raise RequestRefused(
            f"Content-Type is {kind[:60]!r}: a part is sent as {tus.PART}.",
            code="unsupported_media_type",
        )
    sent = headers.get("upload-checksum")
    return Asked(
        offset=tus.whole(headers, "upload-offset"),
        checksum=None if sent is None else checksums.read(sent),
    )
