"""Objects that come in, from the socket to their answer in one go.

pynetdicom copies each fragment six times and hands it through four queues and three threads, each
of which sleeps a millisecond when there is nothing to do. Here the fragments of a C-STORE go
straight into one buffer, which is stored and answered by the thread that read it. Everything else
(negotiation, C-ECHO, release, abort, commands in several fragments) is left to pynetdicom.
"""

import queue
import select
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider

from apps.report_gen.dicom.answering import COMMAND_LAST, Command, read_store, store_answer
from apps.report_gen.dicom.options import LARGEST_PDU

PAUSE: Final = 0.01
"""Seconds that a thread waits for more before it looks at what else there is to do."""
_LARGEST: Final = LARGEST_PDU + 4096
_P_DATA: Final = 4
_PDU: Final = struct.Struct(">BxL")
_PDV: Final = struct.Struct(">LBB")
_ESTABLISHED: Final = "Sta6"
_CLOSED: Final = "Evt17"
_INVALID: Final = "Evt19"
_KEPT: Final = 4 << 20
"""Bytes of a buffer that waits for the next object."""


class Objects(Protocol):
    """Takes what comes."""

    def coming(self, association: Association, count: int) -> None:
        """So many more bytes of one object; too many end the association."""

    def came(self, association: Association, content: memoryview, transfer_syntax: str) -> int:
        """The status that answers an object that is whole."""


class _Invalid(Exception):
    """A peer does not keep to PS3.8."""


@dataclass(slots=True)
class _Object:
    """A C-STORE in the middle of its data set."""

    context: int
    command: Command
    size: int = 0
    whole: bool = False


class Receiving:
    """Reads what a peer sends; in place of an association's reader.

    Args:
        receive: so many bytes into a buffer; how many came, fewer where the peer closed. Raises
            OSError.
    """

    def __init__(
        self,
        association: Association,
        objects: Objects,
        receive: Callable[[memoryview], int],
    ) -> None:
        self._association = association
        self._dul: DULServiceProvider = association.dul
        self._objects = objects
        self._receive = receive
        self._unread = bytearray()
        self._buffer = bytearray(1 << 16)
        self._object: _Object | None = None

    def read(self) -> None:
        """Read PDUs until the peer pauses or there is something else to do."""
        dul = self._dul
        try:
            while self._one():
                dul._idle_timer.restart()
                busy = not dul.to_provider_queue.empty() or not dul.event_queue.empty()
                if busy or dul._kill_thread or not self._more():
                    return
        except OSError:
            dul.event_queue.put(_CLOSED)
        except _Invalid:
            dul.event_queue.put(_INVALID)

    def unread(self, length: int) -> bytearray:
        """So many bytes for pynetdicom's own reader, first those that were looked at here.

        Raises:
            OSError: the connection fails.
        """
        given = self._unread[:length]
        del self._unread[:length]
        return given + self._bytes(length - len(given))

    def _one(self) -> bool:
        """Read one PDU; False where pynetdicom has to act on it."""
        start = self._bytes(_PDU.size)
        kind, length = _PDU.unpack(start) if len(start) == _PDU.size else (0, 0)
        if kind != _P_DATA or self._dul.state_machine.current_state != _ESTABLISHED:
            return self._leave(start)
        _agreed(length)
        self._objects.coming(self._association, length)
        ended = self._dul._kill_thread or not self._dul.to_provider_queue.empty()
        if ended or self._association.dimse.message is not None:
            return self._leave(start)
        if self._object is None:
            body = self._bytes(length)
            if not self._begins(body):
                return self._leave(start + body)
        else:
            self._fragments(length)
        if self._object is not None and self._object.whole:
            self._answer(self._object)
        return True

    def _leave(self, seen: bytearray) -> bool:
        self._unread[:] = seen
        DULServiceProvider._read_pdu_data(self._dul)
        return False

    def _begins(self, body: bytearray) -> bool:
        """Whether a PDU begins a C-STORE; what it holds of the data set is taken."""
        if len(body) < _PDV.size:
            return False
        length, context, control = _PDV.unpack_from(body)
        end = length + 4
        if control & 3 != COMMAND_LAST or not _PDV.size <= end <= len(body):
            return False
        command = read_store(bytes(body[_PDV.size : end]))
        if command is None or context not in self._association._accepted_cx:
            return False
        self._object = found = _Object(context=context, command=command)
        self._acknowledge()
        while end < len(body):
            if len(body) - end < _PDV.size:
                raise _Invalid
            length = self._fragment(found, body[end : end + _PDV.size], len(body) - end)
            at = end + _PDV.size
            self._room(found, length)[:] = body[at : at + length]
            end = at + length
        return True

    def _fragments(self, left: int) -> None:
        """Read the fragments of one PDU of `left` bytes into the buffer."""
        found = self._object
        while left and found is not None:
            length = self._fragment(found, self._bytes(min(left, _PDV.size)), left)
            with self._room(found, length) as room:
                if self._receive(room) < length:
                    raise ConnectionError("the peer closed in the middle of an object")
            left -= _PDV.size + length

    def _fragment(self, found: _Object, start: bytearray, left: int) -> int:
        """Bytes of a fragment of the data set, from what stands before it."""
        if len(start) < _PDV.size:
            raise _Invalid
        length, context, control = _PDV.unpack(start)
        wrong = context != found.context or control & 1 or found.whole
        if wrong or not 2 <= length <= left - 4:
            raise _Invalid
        found.whole = bool(control & 2)
        return int(length) - 2

    def _room(self, found: _Object, length: int) -> memoryview:
        """Where the next bytes of an object go."""
        start, found.size = found.size, found.size + length
        if found.size > len(self._buffer):
            larger = bytearray(max(found.size, 2 * len(self._buffer)))
            larger[:start] = memoryview(self._buffer)[:start]
            self._buffer = larger
        return memoryview(self._buffer)[start : found.size]

    def _answer(self, found: _Object) -> None:
        syntax = str(self._association._accepted_cx[found.context].transfer_syntax[0])
        self._object = None
        with memoryview(self._buffer)[: found.size] as content:
            status = self._objects.came(self._association, content, syntax)
        if len(self._buffer) > _KEPT:
            self._buffer = bytearray(1 << 16)
        command = found.command
        answer = store_answer(command.sop_class, command.sop_instance, command.message, status)
        connection = self._dul.socket
        if connection is not None:
            fragment = _PDV.pack(len(answer) + 2, found.context, COMMAND_LAST) + answer
            connection.send(_PDU.pack(_P_DATA, len(fragment)) + fragment)

    def _acknowledge(self) -> None:
        """Have TCP acknowledge at once what comes, until something is sent.

        After an answer Linux holds acknowledgements back for 40 ms, and dcmtk's senders (Nagle's
        algorithm) hold the end of an object back until they have one.
        """
        reader = None if self._dul.socket is None else self._dul.socket.socket
        if reader is not None:
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _bytes(self, length: int) -> bytearray:
        _agreed(length)
        taken = bytearray(length)
        with memoryview(taken) as view:
            have = self._receive(view)
        del taken[have:]
        return taken

    def _more(self) -> bool:
        """Whether something comes within `PAUSE`; the rest of an object is waited for in `read`."""
        if self._object is not None:
            return True
        reader = None if self._dul.socket is None else self._dul.socket.socket
        if reader is None:
            return False
        if isinstance(reader, ssl.SSLSocket) and reader.pending():
            return True
        try:
            return bool(select.select([reader], [], [], PAUSE)[0])
        except ValueError:  # it was closed meanwhile
            return False


def _agreed(length: int) -> None:
    if length > _LARGEST:
        raise ConnectionError(f"a PDU of {length} bytes was announced; {LARGEST_PDU} were agreed")


def next_message(provider: DIMSEServiceProvider, block: bool = False) -> Any:
    """In place of `DIMSEServiceProvider.get_msg`: waits a moment, which costs less than to ask a
    thousand times a second."""
    if block or not provider.dul.to_user_queue.empty() or provider.assoc._kill:
        return DIMSEServiceProvider.get_msg(provider, block)
    try:
        return provider.msg_queue.get(timeout=PAUSE)
    except queue.Empty:
        return None, None
