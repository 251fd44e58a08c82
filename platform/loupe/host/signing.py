"""Signatures of apps' own: the person is asked for their password again, lockout included."""

from loupe.review.errors import PasswordRefused
from loupe.review.password import confirm

__all__ = ["PasswordRefused", "confirm"]
