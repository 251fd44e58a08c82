"""Stored row results and quick inserts, for apps that join results to something of their own."""

from loupe.bulk import insert
from loupe.ids import new_id
from loupe.jobs.models import Result

__all__ = ["Result", "insert", "new_id"]
