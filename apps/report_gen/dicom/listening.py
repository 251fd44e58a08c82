"""The node's server: associations, C-STORE and C-ECHO."""

import logging
import ssl
import threading
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Protocol

from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from apps.report_gen.dicom.connections import GuardedServer, QuickHandler
from apps.report_gen.dicom.options import LARGEST_PDU, Options
from apps.report_gen.dicom.storing import OUT_OF_RESOURCES, PROCESSING_FAILURE, Sender, Storing
from loupe.contract.runtime.errors import LoupeError

logger = logging.getLogger("loupe.report_gen")

_ALL_SYNTAXES: Final = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"]
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


class Listening:
    """The server; `start` listens, `stop` ends it after what is being stored.

    Args:
        door: asked once for each association.
        storing: takes the objects.
    """

    def __init__(self, options: Options, door: Door, storing: Storing) -> None:
        self._options = options
        self._door = door
        self._storing = storing
        self._lock = threading.Lock()
        self._flight: dict[int, _InFlight] = {}
        self._server: GuardedServer | None = None
        quieten()
        self._ae = AE(ae_title=options.title)
        self._ae.maximum_pdu_size = LARGEST_PDU
        self._ae.maximum_associations = options.associations
        self._ae.network_timeout = options.network_timeout
        self._ae.dimse_timeout = options.network_timeout
        self._ae.acse_timeout = min(10, options.network_timeout)
        # Storage classes are all accepted (`_config.UNRESTRICTED_STORAGE_SERVICE`).
        self._ae.add_supported_context(Verification, _ALL_SYNTAXES)

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before `start`."""
        return 0 if self._server is None else int(self._server.server_address[1])

    def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen in threads of their own.

        Raises:
            OSError: the address cannot be had.
        """
        made = self._ae.make_server(
            (self._options.host, self._options.port),
            evt_handlers=[
                (evt.EVT_REQUESTED, self._requested),
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_C_ECHO, self._echo),
                (evt.EVT_DATA_RECV, self._data),
                (evt.EVT_CONN_CLOSE, self._closed),
            ],
            ssl_context=tls,
            server_class=GuardedServer,
            request_handler=QuickHandler,
        )
        if not isinstance(made, GuardedServer):
            raise TypeError(f"pynetdicom made a {type(made).__name__} in place of a GuardedServer.")
        server = made
        server.most, server.each = self._options.associations, self._options.each
        server.timeout_seconds = float(self._options.network_timeout)
        server.turned_away = _turned_away
        self._server = server
        self._ae._servers.append(server)
        threading.Thread(
            target=server.serve_forever, args=(0.1,), name="dicom-server", daemon=True
        ).start()

    def stop(self) -> None:
        """Take no more, and end the associations that are open."""
        if self._server is not None:
            self._server.shutdown()
            for association in self._ae.active_associations:
                association.abort()
            self._server = None

    def _requested(self, event: evt.Event) -> None:
        association = event.assoc
        calling = _title(association.requestor.ae_title)
        address = str(association.requestor.address)
        of_peer = Counter(
            _title(one.requestor.ae_title)
            for one in self._ae.active_associations
            if one.is_acceptor and one.is_established
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

    def _data(self, event: evt.Event) -> None:
        """Count what is in memory; an object that is too large ends its association."""
        with self._lock:
            mine = self._flight.setdefault(id(event.assoc), _InFlight())
            mine.bytes += len(event.data)
            total = sum(one.bytes for one in self._flight.values())
        if mine.bytes > self._options.most_bytes + LARGEST_PDU or total > self._options.in_memory:
            calling = _title(event.assoc.requestor.ae_title)
            logger.warning(
                "Association of %r ended: %s bytes of one object, %s in memory altogether.",
                calling, f"{mine.bytes:,}", f"{total:,}",
            )  # fmt: skip
            event.assoc.abort()

    def _closed(self, event: evt.Event) -> None:
        with self._lock:
            self._flight.pop(id(event.assoc), None)

    def _store(self, event: evt.Event) -> int:
        association = event.assoc
        data_set: BytesIO = event.request.DataSet  # type: ignore[union-attr, assignment]
        asked: Any = association.requestor.primitive
        sender = Sender(
            calling=_title(association.requestor.ae_title),
            called=_title(asked.called_ae_title),
            address=str(association.requestor.address),
        )
        try:
            with data_set.getbuffer() as content:
                return self._storing.take(content, str(event.context.transfer_syntax), sender)
        except LoupeError as error:
            logger.exception("An object of %r was refused: %s", sender.calling, error.code)
            return PROCESSING_FAILURE
        except OSError as error:
            logger.exception("An object of %r was refused: %s", sender.calling, error.strerror)
            return OUT_OF_RESOURCES
        finally:
            with self._lock:
                self._flight.pop(id(association), None)

    def _echo(self, event: evt.Event) -> int:
        with self._lock:
            self._flight.pop(id(event.assoc), None)
        return 0x0000


def quieten() -> None:
    """pynetdicom's own records quote data sets and PDUs; Loupe says itself what matters."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.UNRESTRICTED_STORAGE_SERVICE = True
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


def _turned_away(address: str) -> None:
    logger.warning("A connection from %s was closed: too many are open.", address)


def _title(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.strip()[:16]
