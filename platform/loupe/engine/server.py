"""The engine behind its Unix socket: who is connected, starting, draining."""

import asyncio
import contextlib
import fcntl
import logging
import os
from pathlib import Path

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.line_flag import LineFlag, beside
from loupe.engine.apps import Apps
from loupe.engine.core import Engine, EngineOptions
from loupe.engine.handlers import Handlers
from loupe.engine.http import Connection
from loupe.engine.public.door import Door, DoorOptions
from loupe.engine.slabs import SlabStore
from loupe.engine.work import WorkQueue

log = logging.getLogger(__name__)

DRAIN_SECONDS = 15.0


class Server:
    """Serves an engine at the Unix socket `socket`, open to this user alone.

    Making one takes the socket's lock first, so that no two engines write to one state.

    Args:
        queue_limit: requests that may wait for a thread in each lane.
        slab_bytes: all shared memory together.
        public: where to answer the public protocol too; None: nowhere.

    Raises:
        TemporarilyUnavailable: another engine has this socket (``socket_taken``).
    """

    def __init__(
        self,
        options: EngineOptions,
        apps: Apps,
        socket: Path,
        *,
        queue_limit: int,
        slab_bytes: int,
        public: DoorOptions | None = None,
    ) -> None:
        socket.parent.mkdir(parents=True, exist_ok=True)
        self.socket = socket
        self._lock = _lock(socket.with_name(socket.name + ".lock"))
        self.engine = Engine(options, apps)
        self.slabs = SlabStore(slab_bytes)
        self.line_flag = LineFlag(beside(socket))
        self.queue = WorkQueue(
            options.threads,
            queue_limit,
            line_works=self.line_flag.works,
            allocator=self.engine.allocator,
        )
        self.handlers = Handlers(self.engine, self.slabs, self.queue)
        self.door = Door(public, self.handlers) if public is not None else None
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, then warm up; ``GET /v2/health/ready`` says when that is done.

        Raises:
            TemporarilyUnavailable: a sandbox cannot start.
        """
        self.socket.unlink(missing_ok=True)
        # The socket is born with the right mode: a chmod afterwards would leave a gap.
        mask = os.umask(0o177)
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(self._connection, str(self.socket))
        finally:
            os.umask(mask)
        log.info("engine listens at %s", self.socket)
        if self.door is not None:
            await self.door.start()
        await asyncio.to_thread(self.engine.warm)
        self.handlers.housekeeping.ready = True
        log.info("engine is ready")

    async def stop(self) -> None:
        """Take no new connection, answer what came in, then close everything."""
        self.handlers.housekeeping.ready = False
        if self._server is not None:
            self._server.close()
        if self.door is not None:
            await self.door.stop(DRAIN_SECONDS)
        for connection in list(self._connections):
            connection.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._connections:
                    await asyncio.sleep(0.02)
        await asyncio.to_thread(self.queue.close)
        self.line_flag.close()
        await asyncio.to_thread(self.engine.close)
        self.slabs.close()
        self.socket.unlink(missing_ok=True)
        os.close(self._lock)
        log.info("engine stopped")

    def _connection(self) -> Connection:
        return Connection(self.handlers.answer, self._connections.add, self._gone)

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self.slabs.release_owner(connection)


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise TemporarilyUnavailable(
            f"Another engine holds {path}; stop it first or choose another --socket.",
            code="socket_taken",
        ) from error
    return fd
