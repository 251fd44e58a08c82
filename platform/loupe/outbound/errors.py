"""Why an address was not connected to."""

from loupe.contract.runtime.errors import LoupeError


class AddressRefused(LoupeError):
    """An address is malformed, does not resolve, or may not be reached."""

    code = "address_refused"


class HostUnknown(AddressRefused):
    """The name in the address does not resolve."""

    code = "host_unknown"
