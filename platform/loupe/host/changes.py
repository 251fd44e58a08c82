"""The changes feed, for apps: what they tell goes to webhooks too, signed as everything there."""

from loupe.changes.kinds import Kind
from loupe.changes.services import publish, publish_many

__all__ = ["Kind", "publish", "publish_many"]
