"""Keyset pages over an order of one's own; the cursor carries the value and the key."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import models
from rest_framework.request import Request

from apps.fraud.views.paging import page_of
from loupe.host.rest import decode, encode, limit_of

Row = TypeVar("Row", bound=models.Model)
Shown = TypeVar("Shown")


def page(
    request: Request, rows: "models.QuerySet[Row]", order: str, show: Callable[[Row], Shown]
) -> tuple[list[Shown], str | None]:
    """One page of `rows` falling by `order`, each turned by `show`, and the next cursor.

    Raises:
        RequestRefused: the cursor or the limit is none.
    """
    cursor = request.query_params.get("cursor")
    after: Any = decode(cursor, str) if cursor is not None else ""
    found = page_of(rows, order, str(after), limit_of(request))
    return [show(row) for row in found.rows], encode(found.older) if found.older else None
