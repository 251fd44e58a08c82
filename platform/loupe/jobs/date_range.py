"""Results of a stretch of time, newest first, without reading what came after it.

Lists are ordered by id. The stretch's first and last id come from an index over the time; between
them the list is read as ever.
"""

from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, F, Func, Max, Min, QuerySet

from loupe.jobs.models import Result


class _Read(Func):
    """A column that SQLite shall compare, but not choose an index by."""

    arity = 1
    template = "%(expressions)s"
    output_field = DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)


def between(
    rows: "QuerySet[Result]", since: datetime | None, until: datetime | None
) -> "QuerySet[Result]":
    """Those of `rows` (all of one project and app) from `since` until before `until`."""
    if since is None and until is None:
        return rows
    stretch = rows.order_by()
    if since is not None:
        stretch = stretch.filter(created_at__gte=since)
    if until is not None:
        stretch = stretch.filter(created_at__lt=until)
    ends = stretch.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return rows.none()
    rows = rows.filter(pk__gte=ends["first"], pk__lte=ends["last"]).alias(at=_Read(F("created_at")))
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    return rows
