"""Tables whose rows are only ever added, held by triggers of the database itself.

A migration lists `refusing_changes("table")` among its operations. What then tries to change or
delete a row gets the database's error, whichever program it is.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_SQLITE = """
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed or deleted'); END
"""
_POSTGRESQL = """
CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'rows of {table} are never changed or deleted'; END $$;
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_refuse();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse();
"""


def install(editor: BaseDatabaseSchemaEditor, table: str) -> None:
    """Put the triggers of `table` up.

    Raises:
        NotImplementedError: the database is neither SQLite nor PostgreSQL.
    """
    vendor = editor.connection.vendor
    if vendor == "sqlite":
        for event in ("update", "delete"):
            editor.execute(_SQLITE.format(table=table, event=event))
    elif vendor == "postgresql":
        editor.execute(_POSTGRESQL.format(table=table))
    else:
        raise NotImplementedError(f"No triggers for {vendor!r}: use SQLite or PostgreSQL.")


def remove(editor: BaseDatabaseSchemaEditor, table: str) -> None:
    """Take the triggers of `table` down again (a migration that is reversed)."""
    if editor.connection.vendor == "sqlite":
        for event in ("update", "delete"):
            editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{event}")
    else:
        editor.execute(f"DROP FUNCTION IF EXISTS {table}_refuse() CASCADE")


def refusing_changes(table: str) -> migrations.RunPython:
    """The migration operation that makes `table` append-only."""

    def forwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        install(editor, table)

    def backwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        remove(editor, table)

    return migrations.RunPython(forwards, backwards)
