"""A silent name server holds nobody up for longer than stated."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from loupe.outbound import looking_up
from loupe.outbound.addresses import resolve
from loupe.outbound.errors import HostUnknown
from loupe.outbound.looking_up import LookupTimeout, addresses_of


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A name server that answers once the event is set."""
    released = threading.Event()

    def ask(*_: object, **__: object) -> list[object]:
        released.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    yield released
    released.set()


def test_a_name_is_looked_up_and_a_number_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "127.0.0.1" in addresses_of("localhost", 80)
    monkeypatch.delattr(socket, "getaddrinfo")
    assert addresses_of("203.0.113.7", 80) == ["203.0.113.7"]
    assert addresses_of("::1", 80) == ["::1"]


def test_a_silent_name_server_is_given_up(silent: threading.Event) -> None:
    before = time.monotonic()
    with pytest.raises(LookupTimeout, match=r"camera\.example: no answer within 0\.1 s"):
        addresses_of("camera.example", 80, limit_s=0.1)
    assert time.monotonic() - before < 10


def test_many_waiting_lookups_do_not_make_ever_more_threads(
    silent: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_up, "_AT_ONCE", threading.BoundedSemaphore(2))
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(LookupTimeout):
            addresses_of("camera.example", 80, limit_s=0.05)
    assert threading.active_count() <= before + 2


def test_an_address_whose_name_gets_no_answer_says_so(
    silent: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses_of, "__defaults__", (0.05,))
    with pytest.raises(HostUnknown, match=r"No name server told where 'camera\.example' is"):
        resolve("http://camera.example/picture.jpg", (), "LOUPE_SOURCE_ALLOW")
