"""Processes that take objects in, and the one that hands them connections.

Python runs one thread at a time, so one process takes in what one core can. The node forks a few
*takers* before it starts threads; it accepts connections itself and passes each to the taker with
the fewest. A taker tells it of each object on the disk before the sender is answered. It ends when
the node does: the pair of sockets between them closes.
"""

import json
import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from apps.report_gen.clinical.store import Sealed
from apps.report_gen.dicom.elements import First
from apps.report_gen.dicom.listening import Associations
from apps.report_gen.dicom.storing import Stored

logger = logging.getLogger("loupe.report_gen")

SLACK: Final = 16
"""Connections beyond the associations allowed, so that the peer is told that there are too many."""
_BACKLOG: Final = 128
_MESSAGE: Final = 1 << 16
_REPORT_SECONDS: Final = 0.1


@dataclass(slots=True)
class Taker:
    """A process that takes objects in, as the node sees it."""

    pid: int
    channel: socket.socket
    given: int = 0
    pending: dict[int, str] = field(default_factory=dict)
    """Connections it was given and has not told of yet: number → address."""
    open: list[str] = field(default_factory=list)

    def addresses(self) -> list[str]:
        """Where its connections come from."""
        return [*self.open, *self.pending.values()]

    def give(self, client: socket.socket, address: tuple[str, int]) -> None:
        """Hand it a connection.

        Raises:
            OSError: it is gone.
        """
        self.given += 1
        self.pending[self.given] = address[0]
        message = json.dumps({"number": self.given, "address": list(address[:2])}).encode()
        socket.send_fds(self.channel, [message], [client.fileno()])


def fork(make: "Callable[[Callable[[Stored], None]], Associations]") -> Taker:
    """Fork a taker. Call it before there are threads.

    Args:
        make: builds what serves connections, in the new process; it is given what to tell of each
            object on the disk.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        theirs.close()
        return Taker(pid=pid, channel=ours)
    code = 1
    try:
        ours.close()
        _serve(theirs, make)
        code = 0
    finally:
        # Neither the parent's buffers nor its exit handlers are this process's to run.
        os._exit(code)


class Front:
    """Accepts connections and hands them on; takes word of what was stored.

    Args:
        most, each: connections in all, and of one address.
        stored: told of each object.
        gone: called when a taker has ended by itself.
    """

    def __init__(
        self,
        takers: list[Taker],
        *,
        most: int,
        each: int,
        stored: Callable[[Stored], None],
        gone: Callable[[], None],
    ) -> None:
        self._takers = takers
        self._most = most
        self._each = each
        self._stored = stored
        self._gone = gone
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self._ending = False
        for taker in takers:
            threading.Thread(target=self._hear, args=(taker,), daemon=True).start()

    @property
    def port(self) -> int:
        """The port that is listened on; 0 where none is."""
        return 0 if self._listening is None else int(self._listening.getsockname()[1])

    def listen(self, host: str, port: int) -> None:
        """Listen in a thread.

        Raises:
            OSError: the address cannot be had.
        """
        self._listening = socket.create_server((host, port), backlog=_BACKLOG)
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def stop(self) -> None:
        """Take no more connections; takers end those that are open, then themselves."""
        self._ending = True
        if self._listening is not None:
            self._listening.close()
        for taker in self._takers:
            taker.channel.shutdown(socket.SHUT_WR)
        for taker in self._takers:
            os.waitpid(taker.pid, 0)

    def _accept(self, listening: socket.socket) -> None:
        while not self._ending:
            try:
                client, address = listening.accept()
            except OSError:
                return
            with client, self._lock:
                taker = self._room(address[0])
                if taker is None:
                    logger.warning("A connection from %s was closed: too many.", address[0])
                    continue
                try:
                    taker.give(client, address)
                except OSError:
                    logger.exception("A process that takes objects in is gone")

    def _room(self, address: str) -> Taker | None:
        open_now = [one for taker in self._takers for one in taker.addresses()]
        if len(open_now) >= self._most + SLACK or Counter(open_now)[address] >= self._each + SLACK:
            return None
        return min(self._takers, key=lambda taker: len(taker.addresses()))

    def _hear(self, taker: Taker) -> None:
        while message := _heard(taker.channel):
            said = json.loads(message)
            if "stored" in said:
                self._stored(_read(said["stored"]))
            else:
                with self._lock:
                    taker.open = said["open"]
                    for number in [one for one in taker.pending if one <= said["seen"]]:
                        del taker.pending[number]
        if not self._ending:
            logger.error(
                "A process that takes objects in ended (%s): the node starts anew.", taker.pid
            )
            self._gone()


def _serve(
    channel: socket.socket, make: "Callable[[Callable[[Stored], None]], Associations]"
) -> None:
    """The taker: serve what is handed over until the node is gone."""
    seen = 0
    lock = threading.Lock()

    def tell(message: dict[str, Any]) -> None:
        with lock:
            channel.send(json.dumps(message).encode())

    associations = make(lambda stored: tell({"stored": _written(stored)}))

    def report() -> None:
        last: object = None
        while True:
            now = {"seen": seen, "open": associations.addresses()}
            if now != last:
                tell(now)
                last = now
            time.sleep(_REPORT_SECONDS)

    threading.Thread(target=report, daemon=True).start()
    while True:
        message, handles, _flags, _from = socket.recv_fds(channel, _MESSAGE, 1)
        if not message:
            associations.end()
            return
        said = json.loads(message)
        for handle in handles:
            host, port = said["address"]
            associations.serve(socket.socket(fileno=handle), (host, port))
        seen = said["number"]


def _heard(channel: socket.socket) -> bytes:
    try:
        return channel.recv(_MESSAGE)
    except OSError:
        return b""


def _written(stored: Stored) -> dict[str, Any]:
    return {
        "sealed": _fields(stored.sealed),
        "first": _fields(stored.first),
        "transfer_syntax": stored.transfer_syntax,
        "calling": stored.calling,
        "received_at": stored.received_at.isoformat(),
    }


def _fields(one: Sealed | First) -> dict[str, Any]:
    return {each.name: getattr(one, each.name) for each in fields(one)}


def _read(said: dict[str, Any]) -> Stored:
    return Stored(
        sealed=Sealed(**said["sealed"]),
        first=First(**said["first"]),
        transfer_syntax=said["transfer_syntax"],
        calling=said["calling"],
        received_at=datetime.fromisoformat(said["received_at"]),
    )
