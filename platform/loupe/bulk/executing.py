"""Runs prepared statements, on SQLite by its driver's own connection.

Django rewrites each statement's placeholders and wraps each cursor anew, which takes longer than
SQLite takes for the row. Whoever counts or watches queries gets Django's own way.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

Execute: TypeAlias = Callable[[str, Sequence[Any], bool], list[tuple[Any, ...]]]
"""Takes a statement with ``%s`` placeholders, their values, and whether it has an answer."""


@contextmanager
def executing(database: Any) -> Iterator[Execute]:
    """A function that runs statements on `database`, inside the caller's transaction.

    Raises:
        DatabaseError: as any cursor of Django.
    """
    if database.vendor != "sqlite" or database.queries_logged or database.execute_wrappers:
        with database.cursor() as cursor:

            def slow(statement: str, values: Sequence[Any], answers: bool) -> list[tuple[Any, ...]]:
                cursor.execute(statement, values)
                return cursor.fetchall() if answers else []

            yield slow
        return
    database.ensure_connection()
    database.validate_no_broken_transaction()
    own = database.connection

    def quick(statement: str, values: Sequence[Any], answers: bool) -> list[tuple[Any, ...]]:
        done = own.execute(_for_driver(statement), values)
        return done.fetchall() if answers else []

    with database.wrap_database_errors:
        yield quick


@lru_cache(maxsize=512)
def _for_driver(statement: str) -> str:
    """The statement with the driver's own placeholders; names hold no per cent sign."""
    return statement.replace("%s", "?")
