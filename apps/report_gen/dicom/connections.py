"""Connections of the node, read and answered without needless copies.

pynetdicom reads sockets 4,096 bytes at a time. Here a PDU is read in one piece, and one that claims
more than was agreed, or stands still, ends the connection.
"""

import socket
import ssl
import struct
import time
from functools import partial

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from apps.report_gen.dicom.answering import send_message
from apps.report_gen.dicom.receiving import Objects, Receiving, next_message


class QuickHandler(RequestHandler):
    """Reads PDUs whole, answers quickly."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        connection, objects = association.dul.socket, self.server.objects  # type: ignore[attr-defined]
        provider = association.dimse
        provider.send_msg = partial(send_message, provider)  # type: ignore[method-assign]
        if connection is not None and objects is not None:
            reading = Receiving(association, objects, partial(received, connection))
            connection.recv = reading.unread  # type: ignore[method-assign,assignment]
            association.dul._read_pdu_data = reading.read  # type: ignore[method-assign]
            provider.get_msg = partial(next_message, provider)  # type: ignore[method-assign]
        return association


class FedServer(ThreadedAssociationServer):
    """A server that listens nowhere: connections are handed to it by `feed`."""

    timeout_seconds = 60.0
    objects: Objects | None = None

    def server_bind(self) -> None:
        """Bind nothing."""
        self.socket.close()  # type: ignore[union-attr]

    def server_activate(self) -> None:
        """Listen nowhere."""

    def feed(self, client: socket.socket, address: tuple[str, int]) -> None:
        """Serve a connection in a thread; the handshake of TLS is left to that thread."""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.ssl_context is not None:
            client.settimeout(self.timeout_seconds)
            client = self.ssl_context.wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        else:
            # The kernel itself waits, so that one call reads a whole fragment (`received`).
            client.settimeout(None)
            limit = struct.pack("@ll", *divmod(int(self.timeout_seconds * 1e6), 1_000_000))
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                client.setsockopt(socket.SOL_SOCKET, option, limit)
        self.process_request(client, address)


def received(connection: AssociationSocket, into: memoryview) -> int:
    """Fill `into` with what the peer sends; how much came, less where it closed.

    Raises:
        OSError: it stands still.
    """
    have = 0
    reader = connection.socket
    while have < len(into) and reader is not None:
        count = _some(reader, into[have:])
        if not count:
            break
        have += count
    return have


def _some(reader: socket.socket, into: memoryview) -> int:
    if not isinstance(reader, ssl.SSLSocket):
        return reader.recv_into(into, 0, socket.MSG_WAITALL)
    while True:
        try:
            return reader.recv_into(into)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            time.sleep(0.001)
