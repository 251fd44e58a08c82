"""Promises of the messages between a parent and its sandboxed child."""

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from loupe.sandbox import wire


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection."""
    mine, theirs = socket.socketpair()
    with mine, theirs:
        yield mine, theirs


@pytest.mark.parametrize("size", [0, 5, 8188, 8192, 300_000])
def test_messages_of_any_size_arrive_whole_with_their_file(
    ends: tuple[socket.socket, socket.socket], size: int
) -> None:
    mine, theirs = ends
    shared = os.memfd_create("shared")
    os.write(shared, b"seen")
    sending = threading.Thread(target=wire.send, args=(mine, {"text": "x" * size}, shared))
    sending.start()
    message, fd = wire.receive(theirs, time.monotonic() + 10)
    sending.join()
    assert message == {"text": "x" * size}
    assert fd is not None
    assert os.pread(fd, 4, 0) == b"seen"
    for each in (shared, fd):
        os.close(each)


def test_a_message_that_comes_byte_by_byte_is_understood(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    mine, theirs = ends
    whole = b"\x00\x00\x00\x08" + b'{"a": 1}'

    def send() -> None:
        for n in range(len(whole)):
            mine.sendall(whole[n : n + 1])
            time.sleep(0.002)

    sending = threading.Thread(target=send)
    sending.start()
    assert wire.receive(theirs, time.monotonic() + 10) == ({"a": 1}, None)
    sending.join()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00\x00\x00\x08" + b'{"a": 1}' + b"more",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x02{]",
        b"\x00\x00",
    ],
    ids=["something behind it", "too long", "no object", "no JSON", "cut short"],
)
def test_what_is_no_message_ends_the_conversation(
    ends: tuple[socket.socket, socket.socket], nonsense: bytes
) -> None:
    mine, theirs = ends
    mine.sendall(nonsense)
    mine.shutdown(socket.SHUT_WR)
    with pytest.raises(wire.Gone):
        wire.receive(theirs, time.monotonic() + 10)


def test_a_file_that_comes_with_nonsense_is_closed(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    mine, theirs = ends
    reading, writing = os.pipe()
    socket.send_fds(mine, [b"\x00\x00\x00\x02[]"], [writing])
    os.close(writing)
    with pytest.raises(wire.Gone):
        wire.receive(theirs, time.monotonic() + 10)
    assert os.read(reading, 1) == b""  # nobody holds the other end any more
    os.close(reading)


def test_silence_ends_at_the_deadline(ends: tuple[socket.socket, socket.socket]) -> None:
    _, theirs = ends
    with pytest.raises(wire.Late):
        wire.receive(theirs, time.monotonic() + 0.05)
