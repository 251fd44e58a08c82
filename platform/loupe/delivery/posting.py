"""One HTTP POST to a checked address: no redirects, no proxies, no more time than allowed."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from loupe.delivery.addresses import Target

CONNECT_S = 5.0
TOTAL_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a try: an HTTP status, or an error in words."""

    status: int | None
    error: str
    elapsed_ms: float

    @property
    def taken(self) -> bool:
        """Whether the receiver has it: any status of the 200s."""
        return self.status is not None and 200 <= self.status < 300


class _Pinned(http.client.HTTPConnection):
    """Connects to the checked address; speaks to the name."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=CONNECT_S)
        self._target = target

    def connect(self) -> None:
        plain = socket.create_connection((self._target.address, self._target.port), CONNECT_S)
        if not self._target.secure:
            self.sock = plain
            return
        context = ssl.create_default_context()
        try:
            self.sock = context.wrap_socket(plain, server_hostname=self._target.host)
        except OSError:
            plain.close()
            raise


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send `body` as JSON and read the status; the answer's body is not read."""
    start = time.perf_counter()
    status: int | None = None
    error = ""
    connection = _Pinned(target)
    port = "" if target.port == (443 if target.secure else 80) else f":{target.port}"
    host = f"[{target.host}]" if ":" in target.host else target.host
    try:
        connection.connect()
        with _at_most(TOTAL_S, connection):
            connection.request(
                "POST",
                target.path,
                body=body,
                headers={
                    "Host": host + port,
                    "Content-Type": "application/json",
                    "User-Agent": "Loupe-Webhook/1",
                    "Connection": "close",
                    **headers,
                },
            )
            status = connection.getresponse().status
        if not 200 <= status < 300:
            error = f"HTTP {status}" + (" (redirects are not followed)" if status < 400 else "")
    except ssl.SSLError as problem:
        error = f"TLS: {problem.reason or problem}"
    except (OSError, http.client.HTTPException) as problem:
        status = None
        error = f"{type(problem).__name__}: {problem}"
    finally:
        connection.close()
    elapsed_ms = (time.perf_counter() - start) * 1e3
    return Answer(status=status, error=error[:300], elapsed_ms=elapsed_ms)


@contextmanager
def _at_most(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
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
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError(f"no whole answer within {seconds:g} s")
