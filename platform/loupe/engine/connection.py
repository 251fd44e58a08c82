"""One blocking connection to the engine and the slabs leased on it."""

import os
import socket
import time
from pathlib import Path

from loupe.engine.errors import EngineUnavailable
from loupe.engine.exchange import Request, Response
from loupe.sandbox.slab import Slab

_READ = 256 * 1024


class BlockingConnection:
    """One connection and the slabs leased on it."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout_s)
        self.owner = os.getpid()
        self.slabs: dict[str, Slab] = {}
        self.kept: list[Slab] = []
        self.usable = True
        try:
            self.sock.connect(str(path))
        except OSError as error:
            self.sock.close()
            raise EngineUnavailable(
                f"No engine answers at {path}; start it with `manage.py up` or wait a moment."
            ) from error

    def exchange(self, request: Request, deadline: float | None) -> Response:
        """Send a request and read its answer; OSError when the connection is dead."""
        response = Response()
        for part in request.parts():
            self._limit(deadline)
            self.sock.sendall(part)
        while not response.done:
            self._limit(deadline)
            data = self.sock.recv(_READ)
            if not data:
                raise ConnectionResetError("The engine closed the connection.")
            response.feed(data)
        self.usable = response.keep
        return response

    def _limit(self, deadline: float | None) -> None:
        if deadline is None:
            self.sock.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)

    def close(self) -> None:
        """Close; every slab leased here becomes plain memory of this process."""
        self.usable = False
        self.slabs.clear()
        self.kept.clear()
        self.sock.close()

    def __del__(self) -> None:
        self.sock.close()
