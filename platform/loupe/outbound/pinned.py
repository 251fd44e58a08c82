"""A connection to a checked address, and a limit for how long a whole exchange may take."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from loupe.outbound.addresses import Target

CONNECT_S = 5.0


class Pinned(http.client.HTTPConnection):
    """Connects to the checked address; speaks to the name.

    `seconds` bound the connecting and every wait for a byte after it; None: `CONNECT_S`.
    """

    def __init__(self, target: Target, seconds: float | None = None) -> None:
        self._seconds = CONNECT_S if seconds is None else seconds
        super().__init__(target.host, target.port, timeout=self._seconds)
        self._target = target

    def connect(self) -> None:
        plain = socket.create_connection((self._target.address, self._target.port), self._seconds)
        if not self._target.secure:
            self.sock = plain
            return
        context = ssl.create_default_context()
        try:
            self.sock = context.wrap_socket(plain, server_hostname=self._target.host)
        except OSError:
            plain.close()
            raise

    @property
    def host_header(self) -> str:
        """The name, with the port where it is not the usual one."""
        target = self._target
        port = "" if target.port == (443 if target.secure else 80) else f":{target.port}"
        host = f"[{target.host}]" if ":" in target.host else target.host
        return host + port


@contextmanager
def at_most(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """Cut the connection after `seconds`, however slowly a receiver drips.

    Raises:
        TimeoutError: it was cut; a half answer that looks whole does not count.
    """
    sock = connection.sock
    late = threading.Event()

    def cut() -> None:
        late.set()
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was closed in the meantime, which is all that was wanted

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if late.is_set():
            raise TimeoutError(f"no whole answer within {seconds:g} s") from error
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError(f"no whole answer within {seconds:g} s")
