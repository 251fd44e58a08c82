"""One connection from anywhere: its token is looked at before its body is taken in."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

from loupe.contract.runtime.errors import LoupeError
from loupe.engine.errors import RequestRefused
from loupe.engine.http import Connection, HttpAnswer, HttpRequest
from loupe.engine.public.tokens import Tokens

IDLE_SECONDS = 75.0
"""Without a byte for so long, a connection that waits for no answer is closed."""
_OPEN_PATHS = frozenset({"/v2/health/live", "/v2/health/ready"})


class PublicConnection(Connection):
    """A connection of the public port."""

    def __init__(
        self,
        answer: Callable[[Connection, HttpRequest], Awaitable[HttpAnswer]],
        opened: Callable[[Connection], None],
        closed: Callable[[Connection], None],
        tokens: Tokens,
    ) -> None:
        super().__init__(answer, opened, closed)
        self._tokens = tokens
        self._authorization: str | None = None
        self._encoding: str | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def local(self) -> bool:
        """Whether the other side is on this machine."""
        peer = self._transport.get_extra_info("peername")
        return bool(peer) and ipaddress.ip_address(str(peer[0]).partition("%")[0]).is_loopback

    def turn_away(self) -> None:
        """Close at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Transport callback."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Transport callback."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Transport callback."""
        self._wait()
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Parser callback."""
        super().on_message_begin()
        self._authorization = self._encoding = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Parser callback."""
        super().on_header(name, value)
        if name.lower() == b"authorization":
            self._authorization = value.decode("latin-1")
        elif name.lower() == b"content-encoding":
            self._encoding = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Parser callback: without a token, the body is not waited for."""
        super().on_headers_complete()
        if self._current is None:
            return
        try:
            if self._current.path.partition("?")[0] not in _OPEN_PATHS:
                self._tokens.check(self._authorization)
            if self._encoding not in {None, "identity"}:
                raise RequestRefused(
                    f"Content-Encoding {self._encoding!r} is not taken; send the body as it is."
                )
        except LoupeError as error:
            self._current.refused = error
            self._current.keep = False
            self._broken = True
            self._complete()
            self._transport.pause_reading()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._idle)

    def _idle(self) -> None:
        if self.busy:
            self._wait()
        else:
            self._transport.abort()
