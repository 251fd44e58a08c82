"""SQLite's log goes into the database behind the answers, never before one of them.

Left to itself SQLite moves its log within the commit that makes it longer than 1,000 pages. That
is about every twentieth call, whose caller then waits for two syncs of the disk.
"""

import logging

from django.db import DatabaseError, connection

log = logging.getLogger(__name__)

EVERY = 16
"""Calls between two checkpoints, each of about 45 pages."""


class Checkpoints:
    """Of the connection of the thread that calls `after`. Does nothing where it is not SQLite."""

    def __init__(self) -> None:
        self._since = 0
        self._told: object = None

    def after(self, calls: int) -> None:
        """Call it when the answers of `calls` calls are on their way."""
        if connection.vendor != "sqlite" or connection.connection is None:
            return
        self._since += calls
        try:
            with connection.cursor() as cursor:
                if self._told is not connection.connection:
                    cursor.execute("PRAGMA wal_autocheckpoint = 0")
                    self._told = connection.connection
                if self._since >= EVERY:
                    self._since = 0
                    cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except DatabaseError:
            # What was answered is safe in the log; the next call tries again.
            log.warning("the log of the database was not moved", exc_info=True)
