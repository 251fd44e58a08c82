"""Refusals of the policy module."""

from loupe.contract.runtime.errors import LoupeError


class NotVisible(LoupeError):
    """The thing does not exist for the one who asks."""

    code = "not_found"


class Denied(LoupeError):
    """The thing is visible, the action on it is not allowed."""

    code = "denied"
