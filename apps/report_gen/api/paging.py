"""Pages of studies, newest first; the cursor carries the time and the key."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import models
from rest_framework.request import Request

from apps.report_gen.models import Study
from loupe.host.rest import decode, encode, limit_of

Shown = TypeVar("Shown")
_APART = "|"


def page(
    request: Request, rows: "models.QuerySet[Study]", show: Callable[[Study], Shown]
) -> tuple[list[Shown], str | None]:
    """One page of `rows`, each turned by `show`, and the next cursor.

    Raises:
        RequestRefused: the cursor or the limit is none.
    """
    limit = limit_of(request)
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        rows = rows.filter(_after(str(decode(cursor, str))))
    found = list(rows[: limit + 1])
    more = None
    if len(found) > limit:
        last = found[limit - 1]
        more = encode(f"{last.arrived_at.isoformat()}{_APART}{last.pk}")
    return [show(row) for row in found[:limit]], more


def _after(told: str) -> models.Q:
    at, _, key = told.partition(_APART)
    try:
        moment, number = datetime.fromisoformat(at), UUID(key)
    except ValueError:
        return models.Q(pk__in=[])
    return models.Q(arrived_at__lt=moment) | models.Q(arrived_at=moment, pk__lt=number)
