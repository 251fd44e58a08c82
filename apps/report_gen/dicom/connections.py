"""Connections of the node, read and answered without needless copies.

pynetdicom reads sockets 4,096 bytes at a time. Here a PDU is read in one piece, and one that claims
more than was agreed, or stands still, ends the connection.
"""

import socket
import ssl
import time
from functools import partial
from typing import Final

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from apps.report_gen.dicom.answering import send_message
from apps.report_gen.dicom.options import LARGEST_PDU

_LARGEST: Final = LARGEST_PDU + 4096


class QuickHandler(RequestHandler):
    """Reads PDUs whole, answers quickly."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        connection = association.dul.socket
        if connection is not None:
            connection.recv = partial(received, connection)  # type: ignore[method-assign]
        provider = association.dimse
        provider.send_msg = partial(send_message, provider)  # type: ignore[method-assign]
        return association


class FedServer(ThreadedAssociationServer):
    """A server that listens nowhere: connections are handed to it by `feed`."""

    timeout_seconds = 60.0

    def server_bind(self) -> None:
        """Bind nothing."""
        self.socket.close()  # type: ignore[union-attr]

    def server_activate(self) -> None:
        """Listen nowhere."""

    def feed(self, client: socket.socket, address: tuple[str, int]) -> None:
        """Serve a connection in a thread; the handshake of TLS is left to that thread."""
        client.settimeout(self.timeout_seconds)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.ssl_context is not None:
            client = self.ssl_context.wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        self.process_request(client, address)


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
