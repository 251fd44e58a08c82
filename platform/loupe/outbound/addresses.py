"""Where Loupe itself may connect to: public addresses, and the networks an operator allowed.

A name is resolved here, every address it has is checked, and the connection is made to a checked
address: what the name means a moment later does not matter.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from loupe.outbound.errors import AddressRefused, HostUnknown
from loupe.outbound.looking_up import LIMIT_S, LookupTimeout, addresses_of

LONGEST_URL = 500
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED = (
    ipaddress.ip_network("168.63.129.16/32"),  # a cloud's host agent on a public address
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.ip_network("64:ff9b:1::/48"),  # NAT64 of a site's own
    ipaddress.ip_network("fec0::/10"),  # site-local, long retired
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, kw_only=True)
class Target:
    """A checked place to connect to.

    Attributes:
        address: the address that was checked; the connection goes there and nowhere else.
        host: the name in the URL, for the Host header and the certificate.
        path: what is asked for, query included.
    """

    secure: bool
    address: str
    port: int
    host: str
    path: str


def split(url: str) -> SplitResult:
    """The parts of a URL.

    Raises:
        AddressRefused: it is no http or https URL with a host, or carries a password.
    """
    if len(url) > LONGEST_URL or not url.isascii() or any(sign <= " " for sign in url):
        raise AddressRefused(
            _("An address has at most %(longest)s ASCII characters and no spaces.")
            % {"longest": LONGEST_URL}
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused(
            _("%(url)r is no URL: %(why)s.") % {"url": url, "why": error}
        ) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise AddressRefused(_("%(url)r cannot be used: write https://host/path.") % {"url": url})
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(
            _("An address carries no user or password: anybody who may see it could read them.")
        )
    return parts


def resolve(url: str, allow: Sequence[Network], variable: str) -> Target:
    """Check a URL and every address its host has.

    Args:
        allow: networks that may be reached although they are not public.
        variable: where the operator says so, for the message.

    Raises:
        AddressRefused: malformed, or an address that is not allowed.
        HostUnknown: the name does not resolve.
    """
    parts = split(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        found = addresses_of(host, port)
    except LookupTimeout as error:
        raise HostUnknown(
            _("No name server told where %(host)r is within %(seconds)s s; try again.")
            % {"host": host, "seconds": f"{LIMIT_S:g}"}
        ) from error
    except (OSError, UnicodeError) as error:
        raise HostUnknown(
            _("The host %(host)r cannot be found: check the name.") % {"host": host}
        ) from error
    addresses = [ipaddress.ip_address(address) for address in found]
    for address in addresses:
        if not any(address in network for network in allow) and not _public(address):
            raise AddressRefused(
                _(
                    "%(host)r leads to %(address)s, which is not a public address. An operator "
                    "can allow its network in %(variable)s."
                )
                % {"host": host, "address": address, "variable": variable}
            )
    path = parts.path or "/"
    return Target(
        secure=secure,
        address=str(addresses[0]),
        port=port,
        host=host,
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def _public(address: Address) -> bool:
    """Public for certain, also where an IPv4 address hides inside an IPv6 one."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is not None:
            return _public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None:
            return False
        if address in _NAT64:
            return _public(IPv4Address(int(address) & 0xFFFFFFFF))
    if any(address in network for network in _REFUSED):
        return False
    return (
        address.is_global
        and not address.is_private
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_loopback
        and not address.is_link_local
        and not address.is_unspecified
    )
