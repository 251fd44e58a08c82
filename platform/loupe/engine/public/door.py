"""The TCP listener of the public port: who gets in, and how long they may dawdle."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.engine.errors import RequestRefused
from loupe.engine.handlers import Handlers
from loupe.engine.http import Connection
from loupe.engine.public.connection import PublicConnection
from loupe.engine.public.face import PublicFace
from loupe.engine.public.regions import Regions
from loupe.engine.public.tokens import read_tokens

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256


@dataclass(frozen=True, kw_only=True)
class DoorOptions:
    """Where the public port is, and who may use it.

    Attributes:
        host, port: where to listen; port 0 lets the system choose.
        tokens: the file of tokens.
        shared_memory: let clients on this machine use their shared memory.
    """

    host: str
    port: int
    tokens: Path
    shared_memory: bool = False


class Door:
    """Listens on TCP in front of the engine's handlers.

    Raises:
        RequestRefused: the token file is not fit.
    """

    def __init__(self, options: DoorOptions, handlers: Handlers) -> None:
        self.options = options
        self.port = options.port
        self._tokens = read_tokens(options.tokens)
        self._shared = Regions() if options.shared_memory else None
        self._face = PublicFace(handlers, self._regions)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            TemporarilyUnavailable: the address is taken or not this machine's.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._connection, self.options.host, self.options.port
            )
        except OSError as error:
            raise TemporarilyUnavailable(
                f"The public port {self.options.host}:{self.options.port} cannot be opened: "
                f"{error.strerror}.",
                code="public_port",
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        log.info("the public port is %s:%d", self.options.host, self.port)

    async def stop(self, seconds: float) -> None:
        """Take no new connection; answer what came in, for at most so many seconds."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._connections:
                    await asyncio.sleep(0.02)
        if self._shared is not None:
            self._shared.unregister()

    def _connection(self) -> PublicConnection:
        return PublicConnection(
            self._face.answer, self._opened, self._connections.discard, self._tokens
        )

    def _opened(self, connection: Connection) -> None:
        self._connections.add(connection)
        if len(self._connections) > MOST_CONNECTIONS and isinstance(connection, PublicConnection):
            log.warning("%d connections on the public port: one is turned away", MOST_CONNECTIONS)
            connection.turn_away()

    def _regions(self, connection: Connection) -> Regions | None:
        """The regions, for a client on this machine."""
        local = isinstance(connection, PublicConnection) and connection.local
        return self._shared if local else None


def read_options(address: str, tokens: Path | None, *, shared_memory: bool) -> DoorOptions:
    """Options from ``HOST:PORT`` (an IPv6 host in brackets) and the rest of the command line.

    Raises:
        RequestRefused: the address has another form, or there is no token file.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise RequestRefused(
            f"The public port {address!r} must be HOST:PORT, such as 127.0.0.1:8001."
        )
    if tokens is None:
        raise RequestRefused("The public port wants a token file: give --public-tokens FILE.")
    return DoorOptions(
        host=host.strip("[]"), port=int(port), tokens=tokens, shared_memory=shared_memory
    )
