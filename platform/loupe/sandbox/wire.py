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
    try:
        head = _LENGTH.pack(len(body))
        if fd is None:
            sock.sendall(head + body)
        else:
            socket.send_fds(sock, [head], [fd])
            sock.sendall(body)
    except OSError as error:
        raise Gone from error


def receive(
    sock: socket.socket, deadline: float | None = None
) -> tuple[dict[str, Any], int | None]:
    """Receive one message and the file that came with it.

    Args:
        deadline: a moment of ``time.monotonic()``; None waits for ever.

    Raises:
        Gone: the other side closed the connection or did not keep to the format.
        Late: the deadline passed.
    """
    head, fd = _head(sock, deadline)
    try:
        (length,) = _LENGTH.unpack(head)
        if length > MAX_MESSAGE:
            raise Gone
        body = _exactly(sock, length, deadline)
        message = msgspec.json.decode(body)
        if not isinstance(message, dict):
            raise Gone
    except (Gone, Late, msgspec.DecodeError) as error:
        if fd is not None:
            os.close(fd)
        if isinstance(error, msgspec.DecodeError):
            raise Gone from error
        raise
    return message, fd


def _head(sock: socket.socket, deadline: float | None) -> tuple[bytes, int | None]:
    _wait(sock, deadline)
    try:
        head, fds, _, _ = socket.recv_fds(sock, _LENGTH.size, 1, socket.MSG_CMSG_CLOEXEC)
    except TimeoutError as error:
        raise Late from error
    except OSError as error:
        raise Gone from error
    if not head:
        raise Gone
    if len(head) < _LENGTH.size:
        head += _exactly(sock, _LENGTH.size - len(head), deadline)
    return head, fds[0] if fds else None


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
