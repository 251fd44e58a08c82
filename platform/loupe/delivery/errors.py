"""Why a webhook or an export was not taken."""

from loupe.contract.runtime.errors import LoupeError


class AddressRefused(LoupeError):
    """A webhook's address is malformed, does not resolve, or is not public."""

    code = "webhook_address_refused"


class WebhookInvalid(LoupeError):
    """Something else about a webhook is not allowed."""

    code = "webhook_invalid"


class UnknownFormat(LoupeError):
    """The app does not export in this format."""

    code = "unknown_format"
