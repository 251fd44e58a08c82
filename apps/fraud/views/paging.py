"""Pages by key: a list goes on after the last row that was shown, however it grew meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import models
from django.db.models import Q

Row = TypeVar("Row", bound=models.Model)
AT_ONCE = 50


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Row]):
    """One page; `older` goes into the address for the next one, empty at the end."""

    rows: list[Row]
    older: str


def page_of(
    rows: "models.QuerySet[Row]", order: str, after: str, limit: int = AT_ONCE
) -> Page[Row]:
    """The page that follows `after`, a former page's `older`, falling by `order`, then by key."""
    place = _place(rows, order, after)
    if place is not None:
        value, pk = place
        rows = rows.filter(Q(**{f"{order}__lt": value}) | Q(**{order: value, "pk__lt": pk}))
    found = list(rows.order_by(f"-{order}", "-pk")[: limit + 1])
    shown = found[:limit]
    return Page(rows=shown, older=_cursor(shown[-1], order) if len(found) > limit else "")


def _cursor(row: Any, order: str) -> str:
    value = getattr(row, order)
    text = f"{value.timestamp():.6f}" if isinstance(value, datetime) else repr(value)
    return f"{text}_{row.pk}"


def _place(rows: "models.QuerySet[Any]", order: str, text: str) -> tuple[Any, int] | None:
    value, _, pk = text.rpartition("_")
    field = rows.model._meta.get_field(order)
    try:
        if isinstance(field, models.DateTimeField):
            return datetime.fromtimestamp(float(value)).astimezone(), int(pk)
        if isinstance(field, models.FloatField):
            return float(value), int(pk)
        return int(value), int(pk)
    except (ValueError, OverflowError, OSError):
        return None
