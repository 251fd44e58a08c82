"""C-STORE: its command read and its answer written by hand.

pynetdicom decodes each command as a data set, and builds each answer as one and encodes it twice,
which costs as much as taking the object in. The answer has seven elements (PS3.7 9.3.1.2), always
in the same form.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

COMMAND_LAST: Final = 3
"""Message control header: of a command, its last fragment."""
_C_STORE_RQ: Final = 0x0001
_C_STORE_RSP: Final = 0x8001
_NO_DATA_SET: Final = 0x0101
_LONGEST_UID: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What of a C-STORE-RQ its answer repeats."""

    message: int
    sop_class: str
    sop_instance: str


def read_store(command: bytes) -> Command | None:
    """The command set of a C-STORE-RQ (PS3.7 9.3.1.1); None for what is none, or has a fault."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(command):
        if len(command) - at < 8:
            return None
        group, number, length = struct.unpack_from("<HHL", command, at)
        value = command[at + 8 : at + 8 + length]
        if group or len(value) < length:
            return None
        found[number] = value
        at += 8 + length
    kind, message, data_set = (found.get(number, b"") for number in (0x0100, 0x0110, 0x0800))
    if not len(kind) == len(message) == len(data_set) == 2:
        return None
    if _number(kind) != _C_STORE_RQ or _number(data_set) == _NO_DATA_SET:
        return None
    sop_class, sop_instance = (found.get(number, b"") for number in (0x0002, 0x1000))
    if not 0 < len(sop_class) <= _LONGEST_UID or not 0 < len(sop_instance) <= _LONGEST_UID:
        return None
    return Command(
        message=_number(message),
        sop_class=sop_class.rstrip(b"\0 ").decode("ascii", "replace"),
        sop_instance=sop_instance.rstrip(b"\0 ").decode("ascii", "replace"),
    )


def send_message(provider: DIMSEServiceProvider, primitive: Any, context_id: int) -> None:
    """In place of `DIMSEServiceProvider.send_msg`: answers to C-STORE quickly, others as ever."""
    if not isinstance(primitive, C_STORE) or primitive.MessageIDBeingRespondedTo is None:
        DIMSEServiceProvider.send_msg(provider, primitive, context_id)
        return
    answer = store_answer(
        str(primitive.AffectedSOPClassUID or ""),
        str(primitive.AffectedSOPInstanceUID or ""),
        primitive.MessageIDBeingRespondedTo,
        int(primitive.Status or 0),
    )
    data = P_DATA()
    data.presentation_data_value_list.append((context_id, bytes([COMMAND_LAST]) + answer))
    provider.dul.send_pdu(data)


def store_answer(sop_class: str, sop_instance: str, message_id: int, status: int) -> bytes:
    """The command set of a C-STORE-RSP, implicit VR little endian."""
    rest = b"".join(
        (
            _element(0x0002, _uid(sop_class)),
            _element(0x0100, struct.pack("<H", _C_STORE_RSP)),
            _element(0x0120, struct.pack("<H", message_id)),
            _element(0x0800, struct.pack("<H", _NO_DATA_SET)),
            _element(0x0900, struct.pack("<H", status)),
            _element(0x1000, _uid(sop_instance)),
        )
    )
    return _element(0x0000, struct.pack("<L", len(rest))) + rest


def _number(value: bytes) -> int:
    return int.from_bytes(value, "little")


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _uid(uid: str) -> bytes:
    encoded = uid.encode("ascii", "replace")
    return encoded + b"\0" * (len(encoded) % 2)
