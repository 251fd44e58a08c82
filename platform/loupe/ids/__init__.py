"""Identifiers for things people name in URLs."""

import uuid

import uuid_utils


def new_id() -> uuid.UUID:
    """A UUIDv7: sorts by time, cannot be counted."""
    return uuid.UUID(bytes=uuid_utils.uuid7().bytes)
