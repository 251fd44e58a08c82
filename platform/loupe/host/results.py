"""Stored row results and quick statements, for apps that join results to something of their own."""

from loupe.bulk import insert
from loupe.bulk.executing import executing
from loupe.ids import new_id
from loupe.jobs.models import Result

__all__ = ["Result", "executing", "insert", "new_id"]
