"""Results whose file name contains something, newest first, by the index of `name_index`."""

from django.db import connection
from django.db.models import QuerySet

from loupe.jobs.models import Result
from loupe.jobs.name_index import TABLE

SHORTEST = 3
"""Characters of the shortest text the index knows; shorter ones occur so often that reading the
newest names one by one is quick."""


def narrowed(
    rows: "QuerySet[Result]",
    text: str,
    *,
    below: int | None = None,
    above: int | None = None,
) -> "QuerySet[Result]":
    """Those of `rows` whose input's name contains `text`, whatever its case.

    Newest first; with `above`, oldest first. The order is part of how the index is read.

    Args:
        below, above: only ids below, or above, this one.
    """
    text = text.replace("\x00", "")
    if below is not None:
        rows = rows.filter(pk__lt=below)
    if above is not None:
        rows = rows.filter(pk__gt=above)
    if connection.vendor != "sqlite" or len(text) < SHORTEST:
        found = rows.filter(item__input__name__icontains=text)
        return found.order_by("id" if above is not None else "-id")
    # The plus keeps SQLite from asking the index anew for each result: the index leads.
    where = [f"{TABLE} MATCH %s", f"+{TABLE}.rowid = jobs_result.id"]
    given: list[str | int] = ['"' + text.replace('"', '""') + '"']
    for sign, bound in (("<", below), (">", above)):
        if bound is not None:
            where.append(f"{TABLE}.rowid {sign} %s")
            given.append(bound)
    order = f"{TABLE}.rowid" if above is not None else f"-{TABLE}.rowid"
    return rows.extra(tables=[TABLE], where=where, params=given, order_by=[order])  # noqa: S610  (the text is a parameter)
