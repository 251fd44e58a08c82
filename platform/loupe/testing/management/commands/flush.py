"""`flush` for test databases: also empties the tables whose triggers refuse that.

Django empties every table after a test that commits. The triggers that make the audit log and
reviews append-only are taken away for that moment and put back as they were. Only the test
settings install this command; in production `flush` is refused by the triggers.
"""

from typing import Any

from django.core.management.commands.flush import Command as Flush
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


def _sqlite_triggers(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        # Those that refuse; the ones that keep an index stay and empty it with its table.
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE%'"
        )
        return [(str(name), str(sql)) for name, sql in cursor.fetchall()]


def _postgresql_tables(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger "
            "JOIN pg_class ON pg_class.oid = tgrelid "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE NOT tgisinternal AND nspname = current_schema()"
        )
        return [str(table) for (table,) in cursor.fetchall()]


class Command(Flush):
    """Lifts triggers, empties the tables, puts the triggers back."""

    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor == "sqlite":
            triggers = _sqlite_triggers(connection)
            before = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
            after = [sql for _, sql in triggers]
        else:
            tables = _postgresql_tables(connection)
            before = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]
            after = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]
        _execute(connection, before)
        try:
            super().handle(**options)
        finally:
            _execute(connection, after)


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
