"""Connections to the node: few enough, none that stands still, read without needless copies.

pynetdicom reads sockets 4,096 bytes at a time and makes a thread for whoever connects. Here a
connection beyond the limits is closed at once, a PDU is read in one piece, and one that claims
more than was agreed ends the connection.
"""

import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from apps.report_gen.dicom.options import LARGEST_PDU

SLACK: Final = 16
"""Connections beyond the associations allowed, so that the peer is told that there are too many."""
_LARGEST: Final = LARGEST_PDU + 4096
_BACKLOG: Final = 128


class QuickHandler(RequestHandler):
    """Reads PDUs whole."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        connection = association.dul.socket
        if connection is not None:
            connection.recv = partial(received, connection)  # type: ignore[method-assign]
        return association


class GuardedServer(ThreadedAssociationServer):
    """Closes connections beyond `most` in all and `each` of one address."""

    request_queue_size = _BACKLOG
    most = 32
    each = 16
    timeout_seconds = 60.0
    turned_away: Callable[[str], None] | None = None

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept; the handshake of TLS is left to the thread of the connection."""
        listening: socket.socket = self.socket  # type: ignore[assignment]
        client, address = listening.accept()
        client.settimeout(self.timeout_seconds)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.ssl_context is not None:
            client = self.ssl_context.wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        return client, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more connection."""
        running = self.active_associations
        of_address = Counter(one.requestor.address for one in running)[client_address[0]]
        if len(running) < self.most + SLACK and of_address < self.each + SLACK:
            return True
        if self.turned_away is not None:
            self.turned_away(client_address[0])
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke while it was taken; its socket is closed by the caller."""


def received(connection: AssociationSocket, length: int) -> bytearray:
    """`length` bytes of the peer, fewer where it closed.

    Raises:
        OSError: it claims a PDU larger than was agreed, or stands still.
    """
    if length > _LARGEST:
        raise OSError(f"a PDU of {length} bytes was announced; {LARGEST_PDU} were agreed")
    taken = bytearray(length)
    view = memoryview(taken)
    have = 0
    reader = connection.socket
    while have < length and reader is not None:
        count = _some(reader, view[have:])
        if not count:
            break
        have += count
    view.release()
    del taken[have:]
    return taken


def _some(reader: socket.socket, into: memoryview) -> int:
    while True:
        try:
            return reader.recv_into(into)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            time.sleep(0.001)
