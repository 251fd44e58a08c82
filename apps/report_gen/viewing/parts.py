"""Several files as one answer of the sandbox, each with its length before it."""

import struct

from loupe.contract.runtime.errors import InputRefused

_LENGTH = struct.Struct("<Q")


def joined(small: bytes, whole: bytes, scan: bytes) -> bytes:
    """The small volume, the whole one and the record of the scan, one after another."""
    return b"".join(_LENGTH.pack(len(each)) + each for each in (small, whole, scan))


def parts(data: bytes) -> tuple[memoryview, memoryview, memoryview]:
    """What `joined` put together.

    Raises:
        InputRefused: the lengths are not those of the data, or a part is empty.
    """
    view, found = memoryview(data), []
    while view and len(view) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(view)
        found.append(view[_LENGTH.size : _LENGTH.size + length])
        view = view[_LENGTH.size + length :]
    if len(found) != 3 or not all(found):
        raise InputRefused("The viewer's volumes are damaged; ask again.", code="volume_damaged")
    return found[0], found[1], found[2]
