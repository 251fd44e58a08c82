"""The bank that these tests work in."""

from tests.apps.fraud.bank import bank

__all__ = ["bank"]
