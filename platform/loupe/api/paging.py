"""Keyset pages: a cursor says after which row to go on, so that a growing list never repeats or
skips one, and the last page costs as much as the first."""

import base64
import binascii
import json
import uuid
from collections.abc import Callable
from typing import TypeVar

from django.db import models
from rest_framework.request import Request

from loupe.api.problems import refuse_field

DEFAULT_LIMIT = 50
MOST = 200

Row = TypeVar("Row", bound=models.Model)
Shown = TypeVar("Shown")


def encode(last: int | str | uuid.UUID) -> str:
    """The cursor that goes on after the row with this key."""
    raw = json.dumps(last if isinstance(last, int) else str(last)).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(cursor: str, kind: type[int] | type[uuid.UUID] | type[str]) -> int | uuid.UUID | str:
    """The key inside a cursor.

    Raises:
        RequestRefused: `cursor` was not given out by a list of this kind.
    """
    refusal = refuse_field(
        "cursor",
        f"cursor={cursor[:80]!r} is not one this list gave out: start again without it.",
        "cursor_invalid",
    )
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        value = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if kind is int:
            if type(value) is not int or not 0 <= value < 2**63:
                raise refusal
            return value
        if not isinstance(value, str) or "\x00" in value:
            raise refusal
        return kind(value)
    except (binascii.Error, UnicodeError, ValueError, RecursionError) as error:
        raise refusal from error


def limit_of(request: Request, default: int = DEFAULT_LIMIT, most: int = MOST) -> int:
    """The query parameter ``limit``.

    Raises:
        RequestRefused: it is no whole number from 1 to `most`.
    """
    raw = request.query_params.get("limit")
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10 and 1 <= int(raw) <= most):
        raise refuse_field("limit", f"limit={raw[:20]!r} is not a whole number from 1 to {most}.")
    return int(raw)


def newest_first(
    request: Request, rows: "models.QuerySet[Row]", show: Callable[[Row], Shown]
) -> tuple[list[Shown], str | None]:
    """One page of `rows` by falling primary key, each turned by `show`, and the next cursor."""
    limit = limit_of(request)
    cursor = request.query_params.get("cursor")
    key = rows.model._meta.pk
    kind: type[int] | type[uuid.UUID] = uuid.UUID if isinstance(key, models.UUIDField) else int
    if cursor is not None:
        rows = rows.filter(pk__lt=decode(cursor, kind))
    found = list(rows.order_by("-pk")[: limit + 1])
    more = len(found) > limit
    page = found[:limit]
    return [show(row) for row in page], encode(page[-1].pk) if more else None
