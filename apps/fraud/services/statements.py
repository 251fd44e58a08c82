"""Many rows in one statement, where Django's own bulk methods send one for every few dozen."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from django.db import connection, models

from loupe.host.results import executing

MOST_PARAMETERS = 30_000
"""Both databases take at least 32,766 in one statement."""
AT_ONCE = 512
"""Rows of a statement at most: as often as it comes again, the driver has parsed it before."""


def execute(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run `statement`, whose ``{}`` stands for the rows of ``VALUES``; nothing without rows."""
    if not rows:
        return
    width = len(rows[0])
    together = min(AT_ONCE, MOST_PARAMETERS // width)
    with executing(connection) as run:
        for start in range(0, len(rows), together):
            part = rows[start : start + together]
            run(_filled(statement, width, len(part)), list(chain.from_iterable(part)), False)


@lru_cache(maxsize=256)
def _filled(statement: str, width: int, count: int) -> str:
    row = "(" + ", ".join(["%s"] * width) + ")"
    return statement.replace("{}", ", ".join([row] * count))


def insert_new(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model; those that a unique constraint already has are left out. The
    database makes the keys."""
    if rows:
        model = type(rows[0])
        fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        execute(f"{_insert(model, fields)} ON CONFLICT DO NOTHING", _values(rows, fields))


def renew(rows: Sequence[models.Model], names: Collection[str]) -> None:
    """Write the named fields of rows that are there."""
    if rows:
        model = type(rows[0])
        quote = connection.ops.quote_name
        columns = [
            quote(str(field.column)) for field in model._meta.concrete_fields if field.name in names
        ]
        changes = ", ".join(f"{column} = excluded.{column}" for column in columns)
        fields = model._meta.concrete_fields
        key = quote(str(model._meta.pk.column))
        statement = f"{_insert(model, fields)} ON CONFLICT ({key}) DO UPDATE SET {changes}"
        execute(statement, _values(rows, fields))


def _insert(model: type[models.Model], fields: "Sequence[models.Field[Any, Any]]") -> str:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    return f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES {{}}"  # noqa: S608


def _values(
    rows: Sequence[models.Model], fields: "Sequence[models.Field[Any, Any]]"
) -> list[tuple[Any, ...]]:
    return [
        tuple(
            field.get_db_prep_save(getattr(row, str(field.attname)), connection) for field in fields
        )
        for row in rows
    ]
