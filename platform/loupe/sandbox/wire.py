"""Messages between a parent and its sandboxed child: JSON behind a length, over a socket pair.

An open file may ride along, which is how a child gets at a slab without opening anything itself.
"""

import os
import socket
import struct
import time
from typing import Any

import msgspec

_LENGTH = struct.Struct(">I")
MAX_MESSAGE = 256 * 2**20
_AT_ONCE = 8192
"""Bytes of the first read: most messages come whole, so that each wakes its reader once."""


class Gone(Exception):
    """The other side closed the connection or sent nonsense."""


class Late(Exception):
    """The other side did not answer in time."""


def send(sock: socket.socket, message: dict[str, Any], fd: int | None = None) -> None:
    """Send one message, with an open file if `fd` is given.

    Raises:
        Gone: the other side is no more.
    """
    body = msgspec.json.encode(message)
    whole = _LENGTH.pack(len(body)) + body
    try:
        # The file rides along with the first byte.
        sent = 0 if fd is None else socket.send_fds(sock, [whole], [fd])
        if sent < len(whole):
            sock.sendall(memoryview(whole)[sent:])
    except OSError as error:
        raise Gone from error


def receive(
    sock: socket.socket, deadline: float | None = None
) -> tuple[dict[str, Any], int | None]:
    """Receive one message and the file that came with it.

    The sides take turns, so nothing may come behind a message.

    Args:
        deadline: a moment of ``time.monotonic()``; None waits for ever.

    Raises:
        Gone: the other side closed the connection or did not keep to the format.
        Late: the deadline passed.
    """
    start, fd = _start(sock, deadline)
    try:
        if len(start) < _LENGTH.size:
            start += _exactly(sock, _LENGTH.size - len(start), deadline)
        (length,) = _LENGTH.unpack_from(start)
        missing = length + _LENGTH.size - len(start)
        if length > MAX_MESSAGE or missing < 0:
            raise Gone
        if missing:
            start += _exactly(sock, missing, deadline)
        message = msgspec.json.decode(memoryview(start)[_LENGTH.size :])
        if not isinstance(message, dict):
            raise Gone
    except (Gone, Late, msgspec.DecodeError) as error:
        if fd is not None:
            os.close(fd)
        if isinstance(error, msgspec.DecodeError):
            raise Gone from error
        raise
    return message, fd


def _start(sock: socket.socket, deadline: float | None) -> tuple[bytes, int | None]:
    _wait(sock, deadline)
    try:
        start, fds, _, _ = socket.recv_fds(sock, _AT_ONCE, 1, socket.MSG_CMSG_CLOEXEC)
    except TimeoutError as error:
        raise Late from error
    except OSError as error:
        raise Gone from error
    if not start:
        raise Gone
    return start, fds[0] if fds else None


def _exactly(sock: socket.socket, length: int, deadline: float | None) -> bytearray:
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        _wait(sock, deadline)
        try:
            count = sock.recv_into(view)
        except TimeoutError as error:
            raise Late from error
        except OSError as error:
            raise Gone from error
        if not count:
            raise Gone
        view = view[count:]
    return buffer


def _wait(sock: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        sock.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise Late
    sock.settimeout(left)
