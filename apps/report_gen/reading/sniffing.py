"""What a file is, by its first bytes; names are never trusted."""

from enum import StrEnum
from typing import Final

HEAD_BYTES: Final = 352
"""As many as `kind_of` looks at: a NIfTI-1 header and its magic."""


class Kind(StrEnum):
    """Kinds of file that can come in."""

    DICOM = "dicom"
    NIFTI = "nifti"
    GZIP = "gzip"
    ZIP = "zip"
    ARCHIVE = "archive"
    OTHER = "other"


def kind_of(head: bytes) -> Kind:
    """The kind of a file that begins with `head` (at least `HEAD_BYTES` where it has them)."""
    if head[128:132] == b"DICM":
        return Kind.DICOM
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return Kind.ZIP
    if head[:2] == b"\x1f\x8b":
        return Kind.GZIP
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0"):
        return Kind.NIFTI
    if head[:6] in (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xfd7zXZ\0") or (
        head[257:262] == b"ustar"
    ):
        return Kind.ARCHIVE
    # Without preamble a data set begins with group 0002 or 0008, little or big endian.
    if head[:4] in (
        b"\x02\0\0\0",
        b"\x08\0\x05\0",
        b"\x08\0\0\0",
        b"\x08\0\x08\0",
        b"\0\x08\0\x05",
    ):
        return Kind.DICOM
    return Kind.OTHER
