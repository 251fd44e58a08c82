"""An index over parts of file names, so that a search does not read every name.

SQLite: a full-text table of trigrams, one row a result, kept by triggers. PostgreSQL: a trigram
index (pg_trgm) over the names of inputs. `ensure` makes what is missing after every migrate,
because SQLite's triggers go away whenever a migration rebuilds their table.
"""

import logging
from typing import Any, Final

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE: Final = "jobs_result_names"
INDEX: Final = "intake_input_name_trgm"

log = logging.getLogger(__name__)

_NAMES = (
    "FROM jobs_item AS item JOIN intake_input AS input ON input.id = item.input_id WHERE item.id = "
)
_TRIGGERS: Final = {
    f"{TABLE}_insert": (
        f"CREATE TRIGGER {TABLE}_insert AFTER INSERT ON jobs_result BEGIN "
        f"INSERT INTO {TABLE}(rowid, name) SELECT NEW.id, input.name {_NAMES} NEW.item_id; END"
    ),
    f"{TABLE}_delete": (
        f"CREATE TRIGGER {TABLE}_delete AFTER DELETE ON jobs_result BEGIN "  # noqa: S608
        f"DELETE FROM {TABLE} WHERE rowid = OLD.id; END"
    ),
}
_FILL: Final = (
    f"INSERT INTO {TABLE}(rowid, name) SELECT result.id, input.name FROM jobs_result AS result "  # noqa: S608  (names of our own tables)
    "JOIN jobs_item AS item ON item.id = result.item_id "
    "JOIN intake_input AS input ON input.id = item.input_id"
)


def after_migrate(**given: Any) -> None:
    """Receiver of Django's ``post_migrate``."""
    ensure(connections[given["using"]])


def ensure(connection: BaseDatabaseWrapper) -> None:
    """Make the index where it is missing. Safe to repeat, quick where nothing is missing."""
    tables = set(connection.introspection.table_names())
    if not {"jobs_result", "jobs_item", "intake_input"} <= tables:
        return  # a migrate that stopped half-way
    if connection.vendor == "sqlite":
        _ensure_sqlite(connection)
    elif connection.vendor == "postgresql":
        _ensure_postgresql(connection)


def _ensure_sqlite(connection: BaseDatabaseWrapper) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE name = %s OR type = 'trigger'", [TABLE]
        )
        there = {str(name) for (name,) in cursor.fetchall()}
        if {TABLE, *_TRIGGERS} <= there:
            return
        if TABLE not in there:
            cursor.execute(f"CREATE VIRTUAL TABLE {TABLE} USING fts5(name, tokenize='trigram')")
        else:
            cursor.execute(f"DELETE FROM {TABLE}")  # noqa: S608
        for name, statement in _TRIGGERS.items():
            if name not in there:
                cursor.execute(statement)
        cursor.execute(_FILL)


def _ensure_postgresql(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [INDEX])
        if cursor.fetchone()[0] is not None:
            return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            # Exactly how Django writes "contains, whatever the case".
            cursor.execute(
                f"CREATE INDEX {INDEX} ON intake_input USING gin (UPPER(name::text) gin_trgm_ops)"
            )
    except DatabaseError as error:
        log.warning(
            "Names are searched without an index, which is slow: the database refused %s (%s). "
            "Let a database administrator run CREATE EXTENSION pg_trgm, then migrate again.",
            INDEX,
            str(error).strip(),
        )
