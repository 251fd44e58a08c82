"""Why an HTTP source was not taken, or gave nothing."""

from loupe.contract.runtime.errors import LoupeError


class SourceInvalid(LoupeError):
    """Something about a source is not allowed."""

    code = "source_invalid"


class SourceAddressRefused(LoupeError):
    """The source's address is malformed, does not resolve, or may not be reached."""

    code = "source_address_refused"


class SourceFailed(LoupeError):
    """The source did not give a picture: no connection, an error, too slow or too large."""

    code = "source_failed"
