"""Webhooks reach public addresses only, whatever a name or a spelling pretends."""

import socket
from ipaddress import ip_network
from typing import Any

import pytest
from pytest_django import Settings

from loupe.delivery import addresses
from loupe.delivery.errors import AddressRefused

REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "0.0.0.0",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "192.88.99.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.5]",
    "[::ffff:169.254.169.254]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2001:db8::1]",
]


def names(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    """What the resolver answers from now on, whatever it is asked."""

    def answer(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("host", REFUSED)
def test_an_address_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused, match=r"not a public address.*LOUPE_WEBHOOK_ALLOW"):
        addresses.resolve(f"https://{host}/hook")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(AddressRefused, match="leads to"):
        addresses.resolve(f"http://{host}:8000/")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_pinned(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, address)
    target = addresses.resolve("https://mes.example/hook?a=b")
    assert (target.address, target.host, target.port) == (address, "mes.example", 443)
    assert (target.secure, target.path) == (True, "/hook?a=b")


def test_a_name_with_one_private_address_among_public_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, "93.184.215.14", "10.0.0.5")
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.5"):
        addresses.resolve("https://mes.example/hook")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://mes.example/",
        "file:///etc/passwd",
        "gopher://mes.example/",
        "mes.example/hook",
        "https:///hook",
        "https://user:password@mes.example/",
        "https://mes.example:0/",
        "https://mes.example:99999/",
        "https://[::1/",
        "https://mes.example/a b",
        "https://mes.example/a\r\nX-Header: 1",
        "https://bücher.example/",
        "https://mes.example/" + "a" * 500,
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        addresses.resolve(url)


def test_a_name_nobody_knows_is_refused_with_its_name() -> None:
    with pytest.raises(AddressRefused, match=r"'mes\.invalid' cannot be found"):
        addresses.resolve("https://mes.invalid/hook")


def test_an_operator_can_allow_a_network_and_nothing_beside_it(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW = [ip_network("10.20.0.0/16")]
    assert addresses.resolve("http://10.20.3.4/").address == "10.20.3.4"
    with pytest.raises(AddressRefused):
        addresses.resolve("http://10.21.0.1/")
