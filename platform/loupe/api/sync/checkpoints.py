"""SQLite's log goes into the database beside the answers, never before one of them.

Left to itself SQLite moves its log within the commit that makes it longer than 1,000 pages. That
is about every twentieth call, whose caller then waits for two syncs of the disk, and all behind it
too. So a thread moves it meanwhile, over a connection of its own. While it does, calls go on to
write: the log then does not begin anew, and is moved once more between two of them when it is long.
"""

import logging
import sqlite3
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from django.db import DatabaseError, connection

log = logging.getLogger(__name__)

EVERY = 16
"""Calls between two checkpoints, each of about 45 pages."""
APART_S = 0.2
"""At least so long from one to the next: pages that are written again and again are moved once."""
LONG = 2**14
"""Pages of log (64 MiB) from which on it is to begin anew."""
_MOVE = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpoints:
    """Of the connection of the thread that calls `after`. Does nothing where it is not SQLite."""

    def __init__(self) -> None:
        self._since = 0
        self._told: object = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._moving: Future[int] | None = None

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
                if self._moved() >= LONG:
                    # Little is left of it, and nothing is added meanwhile.
                    cursor.execute(_MOVE)
        except DatabaseError:
            # What was answered is safe in the log; the next call tries again.
            log.warning("the log of the database was not moved", exc_info=True)
        if self._moving is None and self._since >= EVERY:
            self._since = 0
            path = Path(str(connection.settings_dict["NAME"]))
            self._moving = self._thread.submit(_moved, path)

    def _moved(self) -> int:
        """Pages of log that the last checkpoint found; 0 where none has ended since."""
        if self._moving is None or not self._moving.done():
            return 0
        done, self._moving = self._moving, None
        return done.result()


def _moved(path: Path) -> int:
    """Move what is there; returns how many pages of log there were."""
    pages = 0
    try:
        with closing(sqlite3.connect(path)) as own:
            _, pages, _ = own.execute(_MOVE).fetchone()
    except sqlite3.Error:
        log.warning("the log of the database was not moved", exc_info=True)
    time.sleep(APART_S)
    return int(pages)
