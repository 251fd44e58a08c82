"""Formats that only a look inside tells apart: compressed streams, zips, tars, protocol buffers."""

import bz2
import lzma
import re
import zlib
from io import BufferedReader

from loupe.blobs.sniff import table

_TAR_BLOCK = 512
_LONGEST_TYPE = 128
_MEDIA_TYPE = re.compile(rb"application/[a-z0-9][a-z0-9.+-]*")
_LOOK_BYTES = 1024
_LZMA_MEMORY_BYTES = 128 * 2**20
_TORCH_ENTRIES = (b"/data.pkl", b"/version")

# Fields of onnx.ModelProto and their protocol-buffer wire types.
_MODEL_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_GRAPH_FIELD = 7
_VARINT_BYTES = 10
_FIELDS_LOOKED_AT = 1000


def first_bytes(compressed: bytes, media_type: str) -> bytes:
    """The first kilobyte of what a compressed stream holds; empty where it is damaged."""
    try:
        if media_type == table.GZIP:
            return zlib.decompressobj(wbits=31).decompress(compressed, _LOOK_BYTES)
        if media_type == table.BZIP2:
            return bz2.BZ2Decompressor().decompress(compressed, _LOOK_BYTES)
        xz = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY_BYTES)
        return xz.decompress(compressed, _LOOK_BYTES)
    except (zlib.error, OSError, lzma.LZMAError, EOFError):
        return b""


def is_old_tar(head: bytes) -> bool:
    """Whether `head` is a tar header from before ``ustar``: its checksum must be right."""
    if len(head) < _TAR_BLOCK or not head[0]:
        return False
    block = head[:_TAR_BLOCK]
    try:
        stated = int(block[148:156].strip(b" \x00").decode("ascii"), 8)
    except ValueError:
        return False
    return stated == sum(block[:148]) + 8 * ord(" ") + sum(block[156:])


def is_torch_zip(head: bytes, tail: bytes) -> bool:
    """Whether a zip is what ``torch.save`` writes: it holds a pickle."""
    return all(name in head or name in tail for name in _TORCH_ENTRIES)


def declared_by(head: bytes) -> str:
    """The media type that a zip says it is of; empty where it says nothing.

    OCF's rule (ISO/IEC 21320-1; EPUB, OpenDocument): the first entry is called ``mimetype``, is
    stored, and holds the type in ASCII.
    """
    if head[:4] != b"PK\x03\x04" or head[26:28] != b"\x08\0" or head[28:30] != b"\0\0":
        return ""
    size = int.from_bytes(head[18:22], "little")
    if head[8:10] != b"\0\0" or head[30:38] != b"mimetype" or not 0 < size <= _LONGEST_TYPE:
        return ""
    told = head[38 : 38 + size]
    return told.decode("ascii") if _MEDIA_TYPE.fullmatch(told) else ""


def is_onnx(file: BufferedReader, size: int) -> bool:
    """Whether the file is, field by field, an ONNX model with a graph. Skips over the fields."""
    file.seek(0)
    graph = False
    for _ in range(_FIELDS_LOOKED_AT):
        if file.tell() == size:
            return graph
        tag = _varint(file)
        if tag is None or _MODEL_FIELDS.get(tag >> 3) != tag & 7:
            return False
        value = _varint(file)
        if value is None:
            return False
        graph = graph or tag >> 3 == _GRAPH_FIELD
        if tag & 7 == 2:
            if file.tell() + value > size:
                return False
            file.seek(value, 1)
    return False


def _varint(file: BufferedReader) -> int | None:
    value = 0
    for position in range(_VARINT_BYTES):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << (7 * position)
        if byte[0] < 0x80:
            return value
    return None
