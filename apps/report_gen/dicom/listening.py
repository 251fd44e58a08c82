"""The node's associations: C-STORE and C-ECHO on connections that are handed over."""

import logging
import socket
import ssl
import threading
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Protocol

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from apps.report_gen.dicom.connections import FedServer, QuickHandler
from apps.report_gen.dicom.options import LARGEST_PDU, Options
from apps.report_gen.dicom.storing import OUT_OF_RESOURCES, PROCESSING_FAILURE, Sender, Storing
from loupe.contract.runtime.errors import LoupeError

logger = logging.getLogger("loupe.report_gen")

_SYNTAXES: Final = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"]
_REJECTED_PERMANENT: Final = 0x01
_REJECTED_TRANSIENT: Final = 0x02
_BY_USER: Final = 0x01
_BY_PROVIDER: Final = 0x03
_CALLING_UNKNOWN: Final = 0x03
_TOO_MANY: Final = 0x02


class Door(Protocol):
    """Says who may come in."""

    def may_send(self, calling: str, address: str) -> bool: ...


@dataclass(slots=True)
class _InFlight:
    """Bytes of the object an association is sending."""

    bytes: int = 0


class Associations:
    """Serves connections, each in threads of its own.

    Args:
        door: asked once for each association.
        storing: takes the objects.
        share: of `options.associations` and memory that this process may use.
    """

    def __init__(
        self,
        options: Options,
        door: Door,
        storing: Storing,
        *,
        tls: ssl.SSLContext | None = None,
        share: float = 1.0,
    ) -> None:
        self._options = options
        self._door = door
        self._storing = storing
        self._lock = threading.Lock()
        self._flight: dict[int, _InFlight] = {}
        self._memory = int(options.in_memory * share)
        quieten()
        self._ae = AE(ae_title=options.title)
        self._ae.maximum_pdu_size = LARGEST_PDU
        self._ae.maximum_associations = max(1, round(options.associations * share))
        self._ae.network_timeout = options.network_timeout
        self._ae.dimse_timeout = options.network_timeout
        self._ae.acse_timeout = min(10, options.network_timeout)
        # Storage classes are all accepted (`_config.UNRESTRICTED_STORAGE_SERVICE`).
        self._ae.add_supported_context(Verification, _SYNTAXES)
        server = self._ae.make_server(
            (options.host, options.port),
            evt_handlers=[
                (evt.EVT_REQUESTED, self._requested),
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_C_ECHO, self._echo),
                (evt.EVT_CONN_CLOSE, self._closed),
            ],
            ssl_context=tls,
            server_class=FedServer,
            request_handler=QuickHandler,
        )
        if not isinstance(server, FedServer):
            raise TypeError(f"pynetdicom made a {type(server).__name__} in place of a FedServer.")
        server.objects = self
        server.timeout_seconds = float(options.network_timeout)
        self._server = server
        self._ae._servers.append(server)

    def serve(self, client: socket.socket, address: tuple[str, int]) -> None:
        """Serve one connection; returns at once."""
        self._server.feed(client, address)

    def addresses(self) -> list[str]:
        """Where the connections that are open come from."""
        return [str(one.requestor.address) for one in self._server.active_associations]

    def end(self) -> None:
        """Abort what is open; objects that are being stored are stored."""
        for association in self._server.active_associations:
            association.abort()

    def _requested(self, event: evt.Event) -> None:
        association = event.assoc
        # The requestor itself is named only once the association is accepted.
        asked: Any = association.requestor.primitive
        calling = title_of(asked.calling_ae_title)
        address = str(association.requestor.address)
        of_peer = Counter(
            title_of(one.requestor.ae_title)
            for one in self._server.active_associations
            if one.is_established
        )[calling]
        if not self._door.may_send(calling, address):
            logger.warning("Association of %r from %s refused: not allowed.", calling, address)
            reason = (_REJECTED_PERMANENT, _BY_USER, _CALLING_UNKNOWN)
        elif of_peer >= self._options.each:
            logger.warning("Association of %r from %s refused: too many.", calling, address)
            reason = (_REJECTED_TRANSIENT, _BY_PROVIDER, _TOO_MANY)
        else:
            return
        association.acse.send_reject(*reason)
        association.kill()

    def coming(self, association: Association, count: int) -> None:
        """Count what is in memory; an object that is too large ends its association."""
        with self._lock:
            mine = self._flight.setdefault(id(association), _InFlight())
            mine.bytes += count
            total = sum(one.bytes for one in self._flight.values())
        if mine.bytes > self._options.most_bytes + LARGEST_PDU or total > self._memory:
            calling = title_of(association.requestor.ae_title)
            logger.warning(
                "Association of %r ended: %s bytes of one object, %s in memory altogether.",
                calling, f"{mine.bytes:,}", f"{total:,}",
            )  # fmt: skip
            association.abort(block=False)  # by the thread that ends it: it cannot wait for itself

    def came(self, association: Association, content: memoryview, transfer_syntax: str) -> int:
        """Store an object; the status that answers it."""
        asked: Any = association.requestor.primitive
        sender = Sender(
            calling=title_of(asked.calling_ae_title),
            called=title_of(asked.called_ae_title),
            address=str(association.requestor.address),
        )
        try:
            return self._storing.take(content, transfer_syntax, sender)
        except LoupeError as error:
            logger.exception("An object of %r was refused: %s", sender.calling, error.code)
            return PROCESSING_FAILURE
        except OSError as error:
            logger.exception("An object of %r was refused: %s", sender.calling, error.strerror)
            return OUT_OF_RESOURCES
        finally:
            self._gone(association)

    def _gone(self, association: Association) -> None:
        with self._lock:
            self._flight.pop(id(association), None)

    def _closed(self, event: evt.Event) -> None:
        self._gone(event.assoc)

    def _store(self, event: evt.Event) -> int:
        data_set: BytesIO = event.request.DataSet  # type: ignore[union-attr, assignment]
        with data_set.getbuffer() as content:
            return self.came(event.assoc, content, str(event.context.transfer_syntax))

    def _echo(self, event: evt.Event) -> int:
        self._closed(event)
        return 0x0000


def quieten() -> None:
    """pynetdicom's own records quote data sets and PDUs; Loupe says itself what matters."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.UNRESTRICTED_STORAGE_SERVICE = True
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


def title_of(value: Any) -> str:
    """An AE title as text, without its padding."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.strip()[:16]
