"""Names to addresses, within a time: the system's own call has no limit of its own."""

import ipaddress
import socket
import threading
from concurrent.futures import Future

LIMIT_S = 3.0
"""A name server that needs longer holds up whoever asked; the next try may be quicker."""
_AT_ONCE = threading.BoundedSemaphore(32)
"""Threads that wait for a silent name server end when the system gives up, after half a minute."""


class LookupTimeout(OSError):
    """No name server answered in time, or too many names are being asked for already."""


def addresses_of(host: str, port: int, limit_s: float = LIMIT_S) -> list[str]:
    """Every address of `host`, in the system's order.

    Raises:
        LookupTimeout: there was no answer within `limit_s` seconds.
        OSError, UnicodeError: there is no such name.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass  # a name: ask for it
    room = _AT_ONCE
    if not room.acquire(timeout=limit_s):
        raise LookupTimeout(f"{host}: too many names are being looked up")
    answer: Future[list[str]] = Future()
    # A daemon: a process that ends does not wait for a name server.
    threading.Thread(
        target=_ask, args=(host, port, answer, room), name=f"look up {host}", daemon=True
    ).start()
    try:
        return answer.result(timeout=limit_s)
    except TimeoutError:
        raise LookupTimeout(f"{host}: no answer within {limit_s:g} s") from None


def _ask(host: str, port: int, answer: Future[list[str]], room: threading.BoundedSemaphore) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answer.set_exception(error)
    else:
        answer.set_result([str(entry[4][0]) for entry in found])
    finally:
        room.release()
