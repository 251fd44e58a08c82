"""Answers to C-STORE, written by hand.

pynetdicom builds each answer as a data set and encodes it twice, which costs as much as taking the
object in. The answer has seven elements (PS3.7 9.3.1.2), always in the same form.
"""

import struct
from typing import Any, Final

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

_COMMAND_LAST: Final = b"\3"
"""Message control header: of a command, its last fragment."""
_C_STORE_RSP: Final = 0x8001
_NO_DATA_SET: Final = 0x0101


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
    data.presentation_data_value_list.append((context_id, _COMMAND_LAST + answer))
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


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _uid(uid: str) -> bytes:
    encoded = uid.encode("ascii", "replace")
    return encoded + b"\0" * (len(encoded) % 2)
