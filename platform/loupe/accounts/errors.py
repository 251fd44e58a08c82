"""Refusals of this package."""

from loupe.contract.runtime.errors import LoupeError


class NotVisible(LoupeError):
    """The thing does not exist for the one who asks."""

    code = "not_found"


class Denied(LoupeError):
    """The thing is visible, the action on it is not allowed."""

    code = "denied"


class KeyRefused(LoupeError):
    """An API key that does not open anything: ``key_unknown``, ``key_revoked``, ``key_expired``."""

    code = "key_unknown"


class Invalid(LoupeError):
    """An argument of a service has a value that is not allowed."""

    code = "invalid"


class LastAdmin(LoupeError):
    """The change would leave a project without an administrator."""

    code = "last_admin"
