"""Inserts new rows quickly: one statement, prepared once per table and number of rows.

`bulk_create` builds its statement anew each time, which costs more than the database does: a
synchronous call writes eight rows into eight tables.
No expressions, no multi-table inheritance; signals are sent by neither.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models

from loupe.bulk.executing import Execute, executing
from loupe.bulk.plain import as_it_is

Row = TypeVar("Row", bound=models.Model)

_READY = "_prepared_by_bulk"
MOST_PARAMETERS = 30_000
"""Both databases take at least 32,766 parameters in one statement."""


def insert(rows: Iterable[Row], *, renewing: tuple[str, ...] = ()) -> list[Row]:
    """Insert new rows of one model and give them their keys; call it inside a transaction.

    Args:
        renewing: fields to write to the row that has the primary key already, where there is one;
            only for models that bring their key along. No two of `rows` may share a key then.

    Raises:
        DatabaseError: as any insert.
    """
    new = list(rows)
    if not new:
        return new
    fields, _ = _shape(type(new[0]))
    together = max(1, MOST_PARAMETERS // len(fields))
    database = connections[DEFAULT_DB_ALIAS]
    with executing(database) as execute:
        for start in range(0, len(new), together):
            _insert_some(database, execute, new[start : start + together], renewing)
    return new


def prepare(row: models.Model, *, late: tuple[str, ...] = ()) -> None:
    """Do now, without the database, what `insert` would do to `row` first.

    Args:
        late: fields that may still change; any other is stored as it is now.
    """
    model = type(row)
    fields, _ = _shape(model)
    values = _values(row, fields, connections[DEFAULT_DB_ALIAS])
    row.__dict__[_READY] = values, _places(model, late)


def _values(
    row: models.Model, fields: "Iterable[models.Field[Any, Any]]", database: Any
) -> list[Any]:
    """What the database's driver is to store."""
    plain = as_it_is(type(row), database.vendor)
    held = row.__dict__
    values = []
    for field in fields:
        value = held.get(field.attname)
        if type(value) not in plain[field.attname]:
            value = field.get_db_prep_save(field.pre_save(row, add=True), database)
        values.append(value)
    return values


def _insert_some(
    database: Any, execute: Execute, rows: list[Row], renewing: tuple[str, ...]
) -> None:
    model = type(rows[0])
    fields, makes_key = _shape(model)
    values: list[Any] = []
    for row in rows:
        ready, late = row.__dict__.pop(_READY, (None, ()))
        if ready is None:
            values += _values(row, fields, database)
            continue
        for (place, _), value in zip(
            late, _values(row, [field for _, field in late], database), strict=True
        ):
            ready[place] = value
        values += ready
    keys = execute(_statement(model, len(rows), database.vendor, renewing), values, makes_key)
    if makes_key:
        for row, (key,) in zip(rows, keys, strict=True):
            row.pk = key
    for row in rows:
        row._state.adding = False
        row._state.db = database.alias


@lru_cache
def _places(
    model: type[models.Model], names: tuple[str, ...]
) -> "list[tuple[int, models.Field[Any, Any]]]":
    """Where among a row's values those of the named fields stand."""
    fields, _ = _shape(model)
    return [(place, field) for place, field in enumerate(fields) if field.name in names]


@lru_cache
def _shape(model: type[models.Model]) -> "tuple[list[models.Field[Any, Any]], bool]":
    """The fields to write, and whether the database makes the key."""
    makes_key = isinstance(model._meta.pk, models.AutoField)
    fields = [
        field for field in model._meta.concrete_fields if not (makes_key and field.primary_key)
    ]
    return fields, makes_key


@lru_cache(maxsize=512)
def _statement(
    model: type[models.Model], count: int, vendor: str, renewing: tuple[str, ...]
) -> str:
    """``INSERT … VALUES …``, with ``RETURNING`` where the database makes the key.

    `vendor` is part of the cache's key: quoting is the database's.
    """
    fields, makes_key = _shape(model)
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    row = "(" + ", ".join(["%s"] * len(fields)) + ")"
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES "  # noqa: S608
    statement += ", ".join([row] * count)
    key = quote(str(model._meta.pk.column))
    if renewing:
        named = [quote(str(model._meta.get_field(name).column)) for name in renewing]  # type: ignore[union-attr]
        renewed = ", ".join(f"{name} = excluded.{name}" for name in named)
        statement += f" ON CONFLICT ({key}) DO UPDATE SET {renewed}"
    if makes_key:
        statement += f" RETURNING {key}"
    return statement
