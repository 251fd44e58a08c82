"""Deflated data sets (1.2.840.10008.1.2.1.99) as ordinary ones, unpacked under a limit.

pydicom unpacks them in one go, however large they become; so they are unpacked here before.
"""

import zlib

from apps.report_gen.reading.faults import UNPACKED, faulty, more_than, unreadable
from apps.report_gen.reading.limits import Limits
from loupe.contract.text import Text

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_PLAIN = b"1.2.840.10008.1.2.1\0\0\0"
_LONG = {b"OB", b"OW", b"UN", b"SQ", b"UT", b"OF"}
_META_BYTES = 4096


def plain_bytes(content: bytes, name: str, limits: Limits) -> bytes:
    """The same file as Explicit VR Little Endian; `content` itself where it is not deflated.

    Raises:
        Faulty: it is damaged, or a decompression bomb.
    """
    if content[128:132] != b"DICM" or _DEFLATED not in content[:_META_BYTES]:
        return content
    start = _end_of_meta(content)
    most = min(limits.file_bytes, (len(content) - start) * limits.ratio + 2**20)
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = machine.decompress(content[start:], most)
    except zlib.error as error:
        raise faulty(
            name,
            "damaged",
            Text(en="deflated data set", zh="压缩的数据集"),
            unreadable(str(error)),
            Text(en="a whole DICOM file is needed", zh="需要完整的 DICOM 文件"),
        ) from error
    if machine.unconsumed_tail:
        raise faulty(
            name,
            "decompression_bomb",
            UNPACKED,
            more_than(most),
            Text(
                en=f"at most {limits.ratio} times the packed size",
                zh=f"最多为压缩大小的 {limits.ratio} 倍",
            ),
        )
    return content[:start].replace(_DEFLATED, _PLAIN) + unpacked


def _end_of_meta(content: bytes) -> int:
    """Where group 0002, always Explicit VR Little Endian, ends."""
    place = 132
    while content[place : place + 2] == b"\x02\0" and place + 12 <= len(content):
        if content[place + 4 : place + 6] in _LONG:
            place += 12 + int.from_bytes(content[place + 8 : place + 12], "little")
        else:
            place += 8 + int.from_bytes(content[place + 6 : place + 8], "little")
    return place
