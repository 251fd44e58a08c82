"""Which values of a model's fields SQLite stores as they are.

Asking each field to prepare each value costs more than the insert itself; for these it would give
the value back. PostgreSQL's driver wants types of its own, so there every field is asked.
"""

from functools import lru_cache
from typing import Any

from django.db import models

_NOTHING: frozenset[type] = frozenset()
_BY_FIELD: tuple[tuple[type["models.Field[Any, Any]"], frozenset[type]], ...] = (
    (models.BooleanField, frozenset((bool,))),
    (models.IntegerField, frozenset((int, type(None)))),
    (models.FloatField, frozenset((float, type(None)))),
    (models.TextField, frozenset((str,))),
    (models.CharField, frozenset((str,))),
    (models.DateTimeField, frozenset((type(None),))),
    (models.UUIDField, frozenset((type(None),))),
)
_TAKEN_AT_THEIR_WORD = ("get_db_prep_save", "get_db_prep_value", "get_prep_value", "pre_save")


@lru_cache
def as_it_is(model: type[models.Model], vendor: str) -> dict[str, frozenset[type]]:
    """By field (its attribute's name): the exact types of values that need no preparing."""
    return {field.attname: _types(field, vendor) for field in model._meta.concrete_fields}


def _types(field: "models.Field[Any, Any]", vendor: str) -> frozenset[type]:
    if vendor != "sqlite":
        return _NOTHING
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return _NOTHING
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    for kind, types in _BY_FIELD:
        if isinstance(field, kind):
            return types if _stores_like(type(field), kind) else _NOTHING
    return _NOTHING


def _stores_like(field: type, kind: type) -> bool:
    """Whether a field's class left the preparing of values to Django's own class.

    Django's own subclasses (slugs, small integers) only check more; others may do anything.
    """
    return all(
        getattr(field, name) in (getattr(kind, name), getattr(models.Field, name))
        or getattr(field, name).__module__.startswith("django.db.models.fields")
        for name in _TAKEN_AT_THEIR_WORD
    )
