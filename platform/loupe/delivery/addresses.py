"""Where webhooks may go: public addresses, and the networks that LOUPE_WEBHOOK_ALLOW names."""

from django.conf import settings

from loupe.delivery.errors import AddressRefused
from loupe.outbound import addresses
from loupe.outbound.addresses import Target
from loupe.outbound.errors import AddressRefused as Refused
from loupe.outbound.errors import HostUnknown


def resolve(url: str) -> Target:
    """Check a webhook's URL and every address its host has.

    Raises:
        AddressRefused: malformed, unknown host, or an address that is not allowed.
    """
    try:
        return addresses.resolve(url, settings.WEBHOOK_ALLOW, "LOUPE_WEBHOOK_ALLOW")
    except HostUnknown as error:
        raise AddressRefused(error.message, code="webhook_host_unknown") from error
    except Refused as error:
        raise AddressRefused(error.message) from error
