"""Transactions that append to the audit log or to the changes feed commit one after another.

The log is a chain, so two writers must not extend the same link; the feed's cursor must only
grow, so a row with a smaller number must not become visible after one with a larger number.
Both hold the same lock, so no order of the two calls can end in a deadlock.
"""

from django.db import connection

LOCK = 0x6C6F757065  # "loupe"; any fixed number that no other program takes


def serialise() -> None:
    """Wait until every other appending transaction has ended; hold them off until this one ends.

    SQLite needs nothing: its transactions start with the write lock (``transaction_mode``).

    Raises:
        RuntimeError: called outside a transaction, where the lock would end at once.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("serialise() works inside transaction.atomic() only.")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
