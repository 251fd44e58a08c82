"""What is read of a data set that comes in: its first elements, never its pixels."""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from apps.report_gen.reading.faults import DAMAGE
from loupe.contract.runtime.errors import InputRefused

_SOP_CLASS: Final = Tag(0x00080016)
_SOP_INSTANCE: Final = Tag(0x00080018)
_STUDY: Final = Tag(0x0020000D)
_SERIES: Final = Tag(0x0020000E)
_WANTED: Final[list[BaseTag | int]] = [_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES]
_HEAD: Final = 1 << 20
"""Bytes the elements wanted must lie in; also as much as a deflated data set is inflated."""
_IMPLEMENTATION: Final = "2.25.228131735213401290431284307364817241317"
_VERSION: Final = "LOUPE"


class Unreadable(InputRefused):
    """A data set that does not say which study and instance it is."""

    code = "cannot_understand"


@dataclass(frozen=True, kw_only=True, slots=True)
class First:
    """UIDs, as they came."""

    sop_class: str
    sop_instance: str
    study: str
    series: str


def first_elements(content: bytes | memoryview, transfer_syntax: str) -> First:
    """The UIDs of an encoded data set (no file meta), in the transfer syntax it came in.

    Raises:
        Unreadable: the first megabyte does not hold them.
    """
    head = bytes(content[:_HEAD])
    try:
        if transfer_syntax == DeflatedExplicitVRLittleEndian:
            head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, _HEAD)
        found = read_dataset(
            BytesIO(head),
            is_implicit_VR=transfer_syntax == ImplicitVRLittleEndian,
            is_little_endian=transfer_syntax != ExplicitVRBigEndian,
            stop_when=_behind,
            specific_tags=_WANTED,
        )
        said = {tag: _text(found, Tag(tag)) for tag in _WANTED}
    except (*DAMAGE, zlib.error) as error:
        raise Unreadable(
            f"The data set cannot be read ({type(error).__name__}): send it in the transfer syntax "
            f"that was agreed, {transfer_syntax}."
        ) from error
    if not said[_STUDY] or not said[_SOP_INSTANCE]:
        raise Unreadable(
            "The data set has no Study Instance UID (0020,000D) or no SOP Instance UID (0008,0018) "
            "in its first megabyte: both are needed to tell what it belongs to."
        )
    return First(
        sop_class=said[_SOP_CLASS],
        sop_instance=said[_SOP_INSTANCE],
        study=said[_STUDY],
        series=said[_SERIES],
    )


def file_head(sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """Preamble and file meta that make a file of an encoded data set. Equal for equal arguments."""
    group = b"".join(
        (
            struct.pack("<HH2s2xL", 2, 1, b"OB", 2) + b"\0\1",
            _element(0x02, b"UI", sop_class),
            _element(0x03, b"UI", sop_instance),
            _element(0x10, b"UI", transfer_syntax),
            _element(0x12, b"UI", _IMPLEMENTATION),
            _element(0x13, b"SH", _VERSION),
        )
    )
    return b"\0" * 128 + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(group)) + group


def _element(number: int, vr: bytes, value: str) -> bytes:
    """An element of group 2, explicit little endian (PS3.10 7.1), padded to an even length."""
    encoded = value.encode("ascii", "replace")
    if len(encoded) % 2:
        encoded += b" " if vr == b"SH" else b"\0"
    return struct.pack("<HH2sH", 2, number, vr, len(encoded)) + encoded


def _behind(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) > int(_SERIES)


def _text(found: Dataset, tag: BaseTag) -> str:
    value = found[tag].value if tag in found else None
    return str(value or "").strip("\0 ")[:64]
